//! Strings shared by many slots, kept once.
