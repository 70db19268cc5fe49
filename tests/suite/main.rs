//! The slow-to-link tests in one binary: whole configurations, whole definitions, whole programs.

mod config;
mod definitions;
