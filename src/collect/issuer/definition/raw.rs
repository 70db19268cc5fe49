//! The YAML's shape before anything is compiled.
