//! The binary: crypto provider, arguments, exit code.

fn main() {}
