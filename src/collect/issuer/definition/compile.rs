//! Raw shape → [`Definition`]: programs and templates compiled, names checked, every mistake noted.

use super::Definition;
use crate::base::yaml::mistake::{FileNo, Mistakes};

/// Reads one definition; every mistake is noted with its place. `name` is the file's name without its ending.
pub fn read(_name: &str, _file: FileNo, _text: &str, _mistakes: &mut Mistakes) -> Option<Definition> {
    todo!()
}
