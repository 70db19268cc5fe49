//! The files of a configuration: one file, or every `*.yml` and `*.yaml` of a folder in name order, joined into one
//! tree whose nodes know their places. Knows sections by name only.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::sections::{Joined, SECTIONS};
use crate::base::yaml::mistake::{FileNo, Mistake, Mistakes, Place, Source};
use crate::base::yaml::tree::{Key, Node, Value, join, parse_noting};

/// Most files of one folder.
const MOST_FILES: usize = 1_000;

/// Reads and joins. Files read stand in `mistakes.files`. `None`: something could not be read or is no YAML, so that
/// everything else said about it might be wrong.
pub fn read(path: &Path, mistakes: &mut Mistakes) -> Option<Node> {
    let paths = match listed(path) {
        Ok(paths) => paths,
        Err(text) => {
            note(mistakes, path, text);
            return None;
        }
    };
    let mut roots = Vec::new();
    let mut whole = true;
    for path in paths {
        match text(&path) {
            Ok(text) => {
                let file = add(mistakes, &path, text.clone());
                match parse_noting(file, &text, mistakes) {
                    Some(root) => roots.push(root),
                    None => whole = false,
                }
            }
            Err(text) => {
                note(mistakes, &path, text);
                whole = false;
            }
        }
    }
    whole.then(|| joined(roots, mistakes))
}

/// Registers a file that was read.
pub fn add(mistakes: &mut Mistakes, path: &Path, text: String) -> FileNo {
    let number = u16::try_from(mistakes.files.len()).unwrap_or(u16::MAX);
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    // Made absolute, so that a path in the file means the same wherever the process goes.
    let folder = std::path::absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder });
    let source = Source { name: path.display().to_string(), text, folder: folder.unwrap_or_default() };
    mistakes.files.push(source);
    FileNo(number)
}

/// A mistake about a whole file.
pub fn note(mistakes: &mut Mistakes, path: &Path, text: String) {
    let text = format!("{}: {text}", path.display());
    mistakes.note(Mistake { place: None, path: String::new(), text, secret: true });
}

fn listed(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| trouble(&error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| trouble(&error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
        if yaml && !hidden && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    match paths.len() {
        0 => Err("this folder holds no *.yml and no *.yaml".into()),
        many if many > MOST_FILES => Err(format!("this folder holds more than {MOST_FILES} files")),
        _ => Ok(paths),
    }
}

/// A file's text; bounded by what the parser takes.
pub fn text(path: &Path) -> Result<String, String> {
    match std::fs::metadata(path) {
        Ok(kind) if kind.is_dir() => return Err("is a folder, not a file".into()),
        Ok(kind) if kind.len() > 64 << 20 => return Err("is far too large for a configuration".into()),
        _ => {}
    }
    let bytes = std::fs::read(path).map_err(|error| trouble(&error))?;
    String::from_utf8(bytes).map_err(|_| "is not text (UTF-8)".into())
}

fn trouble(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file; name one with --config.file".into(),
        ErrorKind::PermissionDenied => "may not be read by this user; correct its owner or mode".into(),
        _ => format!("cannot be read: {error}"),
    }
}

/// One root: maps joined, lists appended, a name twice noted with both places.
fn joined(roots: Vec<Node>, mistakes: &mut Mistakes) -> Node {
    let mut roots = roots.into_iter();
    let start = Place { file: FileNo(0), line: 1, column: 1 };
    let mut whole = roots.next().unwrap_or(Node { place: start, value: Value::Null });
    for root in roots {
        match (&mut whole.value, root.value) {
            (_, Value::Null) => {}
            (Value::Map(into), Value::Map(entries)) => {
                for entry in entries {
                    section(into, entry, mistakes);
                }
            }
            (into @ Value::Null, value) => *into = value,
            (_, value) => {
                if !matches!(value, Value::Map(_)) {
                    twice(mistakes, root.place, "", "a map of sections is expected".into());
                }
            }
        }
    }
    whole
}

fn section(into: &mut Vec<(Key, Node)>, (key, node): (Key, Node), mistakes: &mut Mistakes) {
    let Some((first, known)) = into.iter_mut().find(|(first, _)| first.text == key.text) else {
        into.push((key, node));
        return;
    };
    let joined = SECTIONS.iter().find(|(name, _)| *name == key.text).map_or(Joined::Once, |(_, joined)| *joined);
    match (joined, &mut known.value, node.value) {
        (Joined::Map, Value::Map(names), Value::Map(more)) => {
            for (name, node) in more {
                if let Some((first, _)) = names.iter().find(|(first, _)| first.text == name.text) {
                    let text = format!("this name is given twice; it already stands at {}", at(mistakes, first.place));
                    twice(mistakes, name.place, &join(&key.text, &name.text), text);
                } else {
                    names.push((name, node));
                }
            }
        }
        (Joined::List, Value::List(items), Value::List(more)) => items.extend(more),
        (Joined::Map | Joined::List, _, Value::Null) => {}
        (Joined::Map | Joined::List, into @ Value::Null, value) => {
            *into = value;
            known.place = node.place;
        }
        _ => {
            let text = format!("this section is given twice; it already stands at {}", at(mistakes, first.place));
            twice(mistakes, key.place, &key.text, text);
        }
    }
}

fn at(mistakes: &Mistakes, place: Place) -> String {
    format!("{}:{}", mistakes.line_of(place), place.column)
}

fn twice(mistakes: &mut Mistakes, place: Place, path: &str, text: String) {
    mistakes.note(Mistake { place: Some(place), path: path.to_owned(), text, secret: true });
}
