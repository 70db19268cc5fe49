//! The slow-to-link tests in one binary: whole definitions, whole programs.

mod definitions;
