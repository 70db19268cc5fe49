//! `try DEFINITION --response FILE`: what an issuer definition extracts from a saved answer; nothing is asked.

use std::path::Path;
use std::sync::Arc;

use super::TryArguments;
use super::output::{complain, say};
use crate::base::time::clock::Clock;
use crate::base::yaml::mistake::{FileNo, Mistakes};
use crate::collect::issuer::definition::Definition;
use crate::collect::issuer::shipped::Definitions;
use crate::collect::issuer::trial::trial;

/// Largest saved response, bytes.
const MOST: u64 = 64 << 20;

pub fn run(arguments: &TryArguments) -> u8 {
    let shown = definition(&arguments.definition).and_then(|definition| {
        let response = read(&arguments.response)?;
        trial(definition, &response, arguments.request.as_deref(), Clock::System.now())
    });
    match shown {
        Ok(text) => {
            say(&text);
            0
        }
        Err(text) => {
            complain(text.trim_end());
            2
        }
    }
}

/// A shipped definition by name, or one in a file.
fn definition(name: &str) -> Result<Arc<Definition>, String> {
    let mut definitions = Definitions::shipped();
    if !name.contains(['/', '.']) {
        let known = definitions.names().join(", ");
        return definitions.get(name).cloned().ok_or(format!(
            "there is no issuer definition {name:?}; shipped are {known}. A file is given by its path"
        ));
    }
    let path = Path::new(name);
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the definition {name}: {error}"))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut mistakes = Mistakes::default();
    definitions.add(&stem, FileNo(0), &text, &mut mistakes);
    if !mistakes.is_empty() {
        let lines = mistakes.list.iter().map(|mistake| match mistake.place {
            Some(place) => format!("{name}:{}:{}: {}: {}", place.line, place.column, mistake.path, mistake.text),
            None => format!("{name}: {}: {}", mistake.path, mistake.text),
        });
        return Err(lines.collect::<Vec<_>>().join("\n"));
    }
    definitions.get(&stem).cloned().ok_or_else(|| format!("{name} holds no definition"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot read the response {}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MOST {
        return Err(format!("the response {} has {size} bytes, more than {MOST}", path.display()));
    }
    std::fs::read(path).map_err(failed)
}
