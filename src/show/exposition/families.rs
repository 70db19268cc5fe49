//! The per-token families, one row each.
