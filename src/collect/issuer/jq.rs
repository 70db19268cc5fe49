//! jq programs with their doors shut; the only file that names jaq.

use serde_json::Value;

/// A compiled program.
#[derive(Clone)]
pub struct Program {
    text: std::sync::Arc<str>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({:?})", self.text)
    }
}

/// Why a program could not be compiled: byte, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProgramError(pub String);

/// Why a program failed on an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub String);

/// Values of the names that a program was compiled with, in order.
pub type Bindings<'a> = &'a [Value];

impl Program {
    /// `names` without `$`.
    pub fn compile(_text: &str, _names: &[&str]) -> Result<Self, ProgramError> {
        todo!()
    }
    /// At most `limit` outputs; more is an error.
    pub fn run(&self, _input: &Value, _bindings: Bindings<'_>, _limit: usize) -> Result<Vec<Value>, RunError> {
        todo!()
    }
}
