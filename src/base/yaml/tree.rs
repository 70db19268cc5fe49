//! Text → [`Node`] with places; the only file that names serde_yaml.

use super::mistake::{FileNo, Mistake, Place};

/// A YAML value with the place where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    /// Source text of a plain or quoted scalar (`1.10`, `007` stay as written).
    Scalar { text: String, quoted: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub struct Key {
    pub place: Place,
    pub text: String,
}

impl Node {
    /// The node at a path such as `policies[2].schedule`.
    pub fn at(&self, _path: &str) -> Option<&Node> {
        todo!()
    }
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        todo!()
    }
}

/// Parses one document; bounded in depth and size.
pub fn parse(_file: FileNo, _text: &str) -> Result<Node, Mistake> {
    todo!()
}
