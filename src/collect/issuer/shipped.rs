//! Definitions inside the binary; the user's folder on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::Definition;
use crate::base::yaml::mistake::{FileNo, Mistakes};

/// Every known definition by name.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    by_name: BTreeMap<String, Arc<Definition>>,
}

impl Definitions {
    /// The ones inside the binary, compiled.
    pub fn shipped() -> Self {
        todo!()
    }
    /// Adds or overrides one: `name` is the file's name without `.yaml`. Mistakes are noted; the old one then stays.
    pub fn add(&mut self, _name: &str, _file: FileNo, _text: &str, _mistakes: &mut Mistakes) {
        todo!()
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
