//! One line a message on standard output: `09:42:01 warning   examples/watch-me expires …`.

use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {}
