//! The floors of the house in order of rank; `docs/architecture.md` is its plan.

pub mod domain;

pub mod base;

pub mod collect;
pub mod judge;
pub mod keep;

pub mod deliver;
pub mod show;

pub mod config;

pub mod app;
pub mod cli;
