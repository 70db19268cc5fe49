//! domain ↔ columns, shared by backends.
