//! From files to a [`Setup`](setup::Setup), or every mistake at once: with file, line, column, path, and what would be
//! right. Reads each file and each secret once; changes nothing.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::base::yaml::mistake::{Mistake, Mistakes};
use crate::base::yaml::tree::Node;
use crate::collect::issuer::shipped::Definitions;
use check::Check;
use setup::Setup;

mod check;
mod collectors;
mod files;
mod fitting;
pub mod schema;
pub mod sections;
pub mod setup;
mod typed;
mod urls;

/// What loading needs besides the files.
#[derive(Clone, Debug, Default)]
pub struct Loading {
    /// Folder of the user's own issuer definitions, `NAME.yaml` each.
    pub definitions: Option<PathBuf>,
    /// `--web.external-url` is given, so that messages can carry links.
    pub external_url: bool,
    /// Only the store is read, so the secrets need not be there: whoever looks is often not who runs forewarn.
    pub without_secrets: bool,
}

/// A configuration without a mistake.
pub struct Config {
    pub setup: Setup,
    pub counts: Counts,
    /// Of a folder of several files: where each policy and each route stands, in the order in force.
    pub order: Vec<String>,
}

/// Entries by section, for the summary of `check-config`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub collectors: usize,
    pub policies: usize,
    pub channels: usize,
    pub routes: usize,
}

/// Every mistake of one load.
#[derive(Debug, thiserror::Error)]
#[error("{}", .mistakes.lines().join("; "))]
pub struct Failed {
    mistakes: Mistakes,
}

impl Failed {
    /// One line a mistake, no source line: for logs and for answers to a reload.
    pub fn lines(&self) -> Vec<String> {
        self.mistakes.lines()
    }
    /// All of it for a person at a terminal, as in surfaces 6.3.
    pub fn render(&self) -> String {
        self.mistakes.render()
    }
}

/// Reads one file, or every `*.yml` and `*.yaml` of a folder in name order, and checks everything.
pub fn load(path: &Path, loading: &Loading) -> Result<Config, Failed> {
    let mut mistakes = Mistakes::default();
    let config = files::read(path, &mut mistakes).and_then(|root| checked(root, loading, &mut mistakes));
    match config.filter(|_| mistakes.is_empty()) {
        Some(config) => Ok(config),
        None => {
            mistakes.sort();
            Err(Failed { mistakes })
        }
    }
}

fn checked(mut root: Node, loading: &Loading, mistakes: &mut Mistakes) -> Option<Config> {
    if root.is_null() {
        let text = "nothing is configured; `forewarn.yml` needs at least `collectors:`".to_owned();
        let place = Some(root.place);
        mistakes.note(Mistake { place, path: String::new(), text, secret: false });
        return None;
    }
    let sections = sections::read_all(&mut root, mistakes);
    let definitions = definitions(loading, mistakes);
    let mut check = Check { root: &root, mistakes };
    check::names(&mut check, &sections);
    if !loading.without_secrets {
        check::secrets(&mut check);
    }
    let setup = setup::build(&mut check, &sections, &definitions, loading.external_url)?;
    let count = |section| setup::count(&root, section);
    let counts = Counts {
        collectors: count("collectors"),
        policies: count("policies"),
        channels: count("channels"),
        routes: count("routes"),
    };
    let order = if mistakes.files.len() > 1 { order(&root, mistakes) } else { Vec::new() };
    Some(Config { setup, counts, order })
}

/// The shipped definitions, with the user's own on top.
fn definitions(loading: &Loading, mistakes: &mut Mistakes) -> Definitions {
    // What is inside the binary is compiled once, not at each reload.
    static SHIPPED: LazyLock<Definitions> = LazyLock::new(Definitions::shipped);
    let mut all = SHIPPED.clone();
    let Some(folder) = &loading.definitions else { return all };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            files::note(mistakes, folder, format!("the folder of issuer definitions cannot be read: {error}"));
            return all;
        }
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.sort();
    for path in paths {
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        match files::text(&path) {
            Ok(text) => {
                let file = files::add(mistakes, &path, text.clone());
                all.add(name, file, &text, mistakes);
            }
            Err(text) => files::note(mistakes, &path, text),
        }
    }
    all
}

/// Where the entries of lists stand that several files add to.
fn order(root: &Node, mistakes: &Mistakes) -> Vec<String> {
    let mut all = Vec::new();
    for section in ["policies", "routes"] {
        let items = root.get(section).and_then(Node::list).unwrap_or_default();
        let files = items.iter().map(|item| item.place.file).collect::<std::collections::BTreeSet<_>>();
        if files.len() > 1 {
            let line = |(nth, item): (usize, &Node)| format!("{section}[{nth}]  {}", mistakes.line_of(item.place));
            all.extend(items.iter().enumerate().map(line));
        }
    }
    all
}
