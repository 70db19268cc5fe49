//! {…} in paths, headers and bodies; unknown names fail at load.
