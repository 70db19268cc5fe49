//! Rungs before an instant and their severities (semantics 7).
