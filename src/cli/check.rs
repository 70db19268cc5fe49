//! `check-config`: says what is wrong with a configuration, or that it is good and what is probably not meant.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::print::width;
use super::routing;
use crate::base::time::clock::Clock;
use crate::config::setup::{self, Setup};
use crate::config::{self, Config, Counts, Loading};
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::key::{CollectorId, PipelineId};
use crate::keep::store::sqlite;

/// Prints the verdict on standard output, and below it where the findings of `routes` would go; 0 if the configuration
/// can be loaded and the words are known, 2 if not.
pub fn run(path: &Path, loading: &Loading, routes: &[String]) -> u8 {
    let (text, code) = match config::load(path, loading) {
        Ok(mut config) => {
            config.setup.warnings.extend(forgotten(&config.setup));
            let (routed, code) = routed(&config.setup, routes);
            let runs = next_runs(&config.setup, Clock::System.now());
            (good(path, &config) + &runs + &routed, code)
        }
        Err(failed) => (failed.render(), 2),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => 2,
        _ => code,
    }
}

/// `deploy-prod runs next Tue 24 Nov 12:00 UTC, then Wed 25 Nov 02:00 UTC`, of each pipeline whose runs are known.
fn next_runs(setup: &Setup, now: At) -> String {
    let line = |pipeline: &PipelineId| {
        let first = setup.rules.next_run(pipeline, now)?;
        let then = setup.rules.next_run(pipeline, first).map(|then| format!(", then {}", words::short(then, now)));
        let name = width::inert(pipeline.as_str());
        Some(format!("{name} runs next {}{}\n", words::short(first, now), then.unwrap_or_default()))
    };
    setup.rules.pipelines().keys().filter_map(line).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surfaces_6_3_the_next_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.yml");
        let text = "collectors: { vendor: { issuer: declared, tokens: [{ name: push, expires: 2030-03-01 }] } }\n\
                    pipelines:\n  deploy-prod: { runs: { cron: \"0 2,12 * * *\", zone: UTC }, lasts: 1h }\n  release: {}\n";
        std::fs::write(&path, text).unwrap();
        let setup = config::load(&path, &Loading::default()).unwrap().setup;
        let said = next_runs(&setup, "2026-11-24T09:40:00Z".parse().unwrap());
        assert_eq!(said, "deploy-prod runs next Tue 24 Nov 12:00 UTC, then Wed 25 Nov 02:00 UTC\n");
    }
}
