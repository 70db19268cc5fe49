//! Definitions inside the binary; the user's folder on top.
