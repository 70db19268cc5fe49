//! Definitions inside the binary; the user's folder on top: a file of the same name overrides, another one adds.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rust_embed::RustEmbed;

use super::definition::{Definition, compile};
use crate::base::yaml::mistake::{FileNo, Mistakes};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/config/issuers"]
struct Files;

/// Every known definition by name.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    by_name: BTreeMap<String, Arc<Definition>>,
}

impl Definitions {
    /// The ones inside the binary, compiled once.
    pub fn shipped() -> Self {
        static SHIPPED: OnceLock<Definitions> = OnceLock::new();
        SHIPPED.get_or_init(Self::compile).clone()
    }
    fn compile() -> Self {
        let mut all = Self::default();
        let mut mistakes = Mistakes::default();
        for (name, text) in Self::texts() {
            all.add(&name, FileNo(0), &text, &mut mistakes);
        }
        debug_assert!(mistakes.is_empty(), "shipped definitions are checked by tests: {:?}", mistakes.list);
        all
    }
    /// Names and texts of the files inside the binary.
    pub fn texts() -> Vec<(String, String)> {
        let one = |file: std::borrow::Cow<'static, str>| {
            let text = String::from_utf8_lossy(&Files::get(&file)?.data).into_owned();
            Some((file.trim_end_matches(".yaml").to_owned(), text))
        };
        Files::iter().filter(|file| file.ends_with(".yaml")).filter_map(one).collect()
    }
    /// Adds or overrides one: `name` is the file's name without `.yaml`. Mistakes are noted; the old one then stays.
    pub fn add(&mut self, name: &str, file: FileNo, text: &str, mistakes: &mut Mistakes) {
        if let Some(definition) = compile::read(name, file, text, mistakes) {
            self.by_name.insert(name.to_owned(), Arc::new(definition));
        }
    }
    pub fn get(&self, name: &str) -> Option<&Arc<Definition>> {
        self.by_name.get(name)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.by_name.values()
    }
    pub fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }
}
