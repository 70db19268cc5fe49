//! {…} in paths, headers and bodies; unknown names fail at load.

/// A text with places for settings, the parent's item, and the inspected value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
}
