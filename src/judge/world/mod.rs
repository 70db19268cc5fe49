//! The world: decide, commit, apply.
