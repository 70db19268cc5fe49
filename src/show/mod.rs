//! From what is known to whoever asks: Prometheus, people, pipelines.

pub mod answers;
pub mod exposition;
pub mod listing;
pub mod web;
