//! What is generated for readers is as fresh as its source: the schema of the configuration and the documents made of it.
//! `make docs` writes them anew; without it these tests compare.

use std::path::{Path, PathBuf};

mod commands;
mod configuration;
mod issuers;
mod metrics;
mod names;
mod schema;
mod shell;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a generated file with the one in the checkout; writes it where `make docs` asks for that.
pub fn fresh(path: &str, text: &str) {
    let at = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&at, text).unwrap();
    }
    let there = std::fs::read_to_string(&at).unwrap_or_default();
    if there != text {
        let line = there.lines().zip(text.lines()).position(|(old, new)| old != new).unwrap_or_default();
        panic!(
            "{path} is stale from line {}; `make docs` writes it anew\n- {}\n+ {}",
            line + 1,
            there.lines().nth(line).unwrap_or_default(),
            text.lines().nth(line).unwrap_or_default()
        );
    }
}

/// Between these lines a document is generated; what stands around them is written by hand.
const FROM: &str = "<!-- generated: `make docs` writes what follows anew -->";
const TO: &str = "<!-- end of what is generated -->";

/// The same for the part of a document between [`FROM`] and [`TO`].
pub fn fresh_part(path: &str, part: &str) {
    let there = text(path);
    let (before, rest) = there.split_once(FROM).unwrap_or_else(|| panic!("{path} has no line {FROM}"));
    let (_, after) = rest.split_once(TO).unwrap_or_else(|| panic!("{path} has no line {TO}"));
    fresh(path, &format!("{before}{FROM}\n\n{}\n\n{TO}{after}", part.trim()));
}

/// Documents for people, relative to the root.
pub fn documents() -> Vec<String> {
    let paths = files(&root().join("docs"), ".md");
    let name = |path: &PathBuf| path.strip_prefix(root()).unwrap().display().to_string();
    ["README.md".to_owned(), "CHANGELOG.md".to_owned()].into_iter().chain(paths.iter().map(name)).collect()
}

pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts of the fenced blocks of a language.
pub fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

/// The files of a folder that end so, in order.
pub fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with(end))).collect();
    all.sort();
    all
}
