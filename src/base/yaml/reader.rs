//! serde over a [`Node`]: notes every mistake with its place and path, and goes on.

use serde::de::DeserializeOwned;

use super::mistake::Mistakes;
use super::tree::Node;

/// Reads `node`, which stands at `path`, into `T`. Notes unknown keys (with the nearest known one), wrong types and
/// missing keys in `mistakes`; `None` if nothing usable is left. `Some` may come with mistakes noted.
pub fn read<T: DeserializeOwned>(_node: &Node, _path: &str, _mistakes: &mut Mistakes) -> Option<T> {
    todo!()
}
