//! `check-config`: says what is wrong with a configuration, or that it is good and what is probably not meant.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::routing;
use crate::config::setup::{self, Setup};
use crate::config::{self, Config, Counts, Loading};
use crate::domain::key::CollectorId;
use crate::keep::store::sqlite;

/// Prints the verdict on standard output, and below it where the findings of `routes` would go; 0 if the configuration
/// can be loaded and the words are known, 2 if not.
pub fn run(path: &Path, loading: &Loading, routes: &[String]) -> u8 {
    let (text, code) = match config::load(path, loading) {
        Ok(mut config) => {
            config.setup.warnings.extend(forgotten(&config.setup));
            let (routed, code) = routed(&config.setup, routes);
            (good(path, &config) + &routed, code)
        }
        Err(failed) => (failed.render(), 2),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => 2,
        _ => code,
    }
}

fn routed(setup: &Setup, routes: &[String]) -> (String, u8) {
    let (mut text, mut code) = (String::new(), 0);
    for route in routes {
        text += &match routing::read(route, setup) {
            Ok(words) => routing::said(route, &words, setup),
            Err(mistakes) => {
                code = 2;
                mistakes
            }
        };
    }
    (text, code)
}

/// What a store that is there would forget under this configuration. A store that cannot be read has its own sentence
/// when the service starts.
fn forgotten(setup: &Setup) -> Vec<String> {
    if !setup.store.path.exists() {
        return Vec::new();
    }
    let census = sqlite::open_read_only(&setup.store.path).and_then(|mut store| store.census());
    let tokens = |(id, tokens): (CollectorId, u32)| (id, usize::try_from(tokens).unwrap_or(usize::MAX));
    census.map(|census| setup::forgotten(setup, &census.into_iter().map(tokens).collect())).unwrap_or_default()
}

/// The verdict on a configuration without a mistake.
pub fn good(path: &Path, config: &Config) -> String {
    let Counts { collectors, policies, channels, routes } = config.counts;
    let parts = [
        counted(collectors, "collector", "collectors"),
        counted(policies, "policy", "policies"),
        counted(channels, "channel", "channels"),
        counted(routes, "route", "routes"),
    ];
    let warnings = &config.setup.warnings;
    let ending = match warnings.len() {
        0 => String::new(),
        1 => " One warning:".into(),
        2 => " Two warnings:".into(),
        many => format!(" {many} warnings:"),
    };
    let mut text = format!("{} is good: {}.{ending}\n", path.display(), parts.join(", "));
    for line in warnings {
        text += line;
        text.push('\n');
    }
    if !config.order.is_empty() {
        text += "in force, in this order:\n";
        for line in &config.order {
            text += &format!("  {line}\n");
        }
    }
    text
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
