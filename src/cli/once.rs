//! `list --once`: every collector read in this process first, then the tokens; nothing is written, nothing is told.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use super::source::{Failed, SourceArguments};
use crate::app::once;
use crate::base::time::clock::Clock;
use crate::config::{self, Loading};
use crate::domain::key::CollectorId;
use crate::show::answers::filter::Filter;
use crate::show::answers::shapes::Tokens;
use crate::show::answers::tokens::Paging;

/// Every token that the words let through, as its issuer tells it now.
pub fn tokens(arguments: &SourceArguments, words: &[String]) -> Result<Tokens, Failed> {
    let filter = Filter::words(words).map_err(|wrong| Failed::arguments(wrong.0.join("\n")))?;
    let path = arguments.config.clone().unwrap_or_else(|| "forewarn.yml".into());
    let loading = Loading { definitions: arguments.issuers.clone(), external_url: true, ..Loading::default() };
    let setup = config::load(&path, &loading).map_err(|failed| Failed::arguments(failed.render()))?.setup;
    let clock = Clock::System;
    let terminal = std::io::stderr().is_terminal();
    let looked = once::block_on(once::world(&setup, &clock, |left| {
        if terminal {
            progress(left);
        }
    }));
    let world = looked.and_then(|world| world).map_err(|error| Failed::new(1, error))?;
    Ok(Tokens::of(&world, &filter, Paging::ALL, clock.now()))
}

/// Most collectors that are named in the line.
const NAMED: usize = 4;

/// One line that replaces itself, gone at the end.
fn progress(left: &BTreeSet<CollectorId>) {
    let mut names: Vec<&str> = left.iter().map(CollectorId::as_str).take(NAMED).collect();
    let more = format!("{} more", left.len().saturating_sub(NAMED));
    if left.len() > NAMED {
        names.push(&more);
    }
    let mut err = anstream::stderr().lock();
    let line = if left.is_empty() { String::new() } else { format!("still reading {}", names.join(", ")) };
    let _ = write!(err, "\r\u{1b}[K{line}").and_then(|()| err.flush());
}
