//! One binary for every test that sees the program from outside; each module names its subject.

mod config;
