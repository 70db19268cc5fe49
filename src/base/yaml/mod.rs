//! YAML becomes a tree with places once; serde reads the tree and goes on after a mistake.

mod access;
pub mod mistake;
pub mod reader;
pub mod tree;
