//! From files to a Setup, or every mistake at once.
