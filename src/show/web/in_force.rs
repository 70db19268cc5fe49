//! The configuration in force as readers see it: what it holds, since when, and what became of the last reload.
//! No value of it, and no secret.

use serde::Serialize;

use crate::domain::At;

#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    /// As given on the command line.
    pub file: String,
    /// `5 collectors, 12 policies, 2 channels, 2 routes`.
    pub holds: String,
    pub loaded_at: At,
    /// The last reload, or the start: whether it was taken.
    pub reload_good: bool,
    pub reload_at: At,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

impl InForce {
    /// A reload was refused: what is in force stays.
    pub fn refused(&self, at: At) -> Self {
        Self { reload_good: false, reload_at: at, ..self.clone() }
    }
}
