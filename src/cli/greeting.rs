//! The first minute on a terminal (surfaces 1.1): what was looked at, the table, where to go from there. Words only.

use std::collections::BTreeMap;

use super::output::Screen;
use super::print::{table, width};
use crate::deliver::message::words;
use crate::domain::reason::LeftOut;
use crate::show::answers::shapes::{CollectorRow, TokenRow, Tokens};

/// An end as near as this is worth waiting for.
const WATCHABLE: i64 = 600;

/// What is known at the end of the first rounds.
pub struct Greeting<'a> {
    /// Configuration and store as the user would name them.
    pub config: &'a str,
    pub store: &'a str,
    /// No collector asks over a network.
    pub offline: bool,
    pub tokens: &'a Tokens,
    /// How many of which kind each collector holds, in the kinds' own words.
    pub held: &'a BTreeMap<String, BTreeMap<String, usize>>,
    /// `http://127.0.0.1:10789`.
    pub page: Option<&'a str>,
    pub telling: Telling,
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    Nowhere,
    /// To this terminal.
    Here,
    Channels,
}

pub fn text(greeting: &Greeting<'_>, screen: Screen) -> String {
    let Greeting { config, store, tokens, .. } = greeting;
    let mut text = format!("forewarn {} · {config} · remembers in {store}\n\n", env!("CARGO_PKG_VERSION"));
    text.push_str(match greeting.offline {
        true => "looked at this machine (no value is shown, sent or stored)\n",
        false => "asked the issuers (no value is shown or stored)\n",
    });
    let looked: Vec<(String, String)> = tokens
        .collectors
        .iter()
        .map(|row| (width::inert(&row.collector), width::inert(&found(greeting, row))))
        .collect();
    text.push_str(&table::labelled(&looked, screen));
    text.push('\n');
    let rows: Vec<TokenRow> = tokens.tokens.iter().map(|row| watchable(row, tokens.now)).collect();
    if !rows.is_empty() {
        text.push_str(&table::tokens(&rows, screen));
        let more = tokens.matching - rows.len();
        if let (1.., Some(page)) = (more, greeting.page) {
            text.push_str(&format!("and {more} more: forewarn list --all --server={page}\n"));
        }
        text.push('\n');
    }
    if let Some(page) = greeting.page {
        text.push_str(&format!("page      {page}/          metrics  {page}/metrics\n"));
    }
    text.push_str(&yours());
    text.push_str(match greeting.telling {
        Telling::Nowhere => "no channel is configured: nothing is sent; Ctrl-C ends\n\n",
        Telling::Here => "what would go to Slack or mail is printed here; Ctrl-C ends\n\n",
        Telling::Channels => "messages go to the channels of the configuration; Ctrl-C ends\n\n",
    });
    text
}

/// How to get a first configuration of one's own, and what to do with it.
pub fn yours() -> String {
    format!(
        "yours     echo '{FIRST}' > forewarn.yml\n\
         then      forewarn check-config forewarn.yml     then     forewarn --config.file=forewarn.yml\n"
    )
}

/// The smallest configuration that watches something everywhere.
const FIRST: &str = r#"collectors: { certificates: { issuer: x509, files: ["/etc/ssl/certs/*.pem"] } }"#;

/// `1, and 142 trust roots hidden`; `3 JWTs`; `nothing read yet: no connection`.
fn found(greeting: &Greeting<'_>, collector: &CollectorRow) -> String {
    if collector.failing_since.is_some() || collector.last_success.is_none() {
        return match collector.last_poll {
            None => "still in its first round".into(),
            Some(_) => collector.text.clone(),
        };
    }
    let kinds = greeting.held.get(&collector.collector).into_iter().flatten();
    let counts: Vec<String> = kinds.map(|(title, n)| counted(&collector.collector, title, *n)).collect();
    let held = if counts.is_empty() { "none".to_owned() } else { words::list(&counts) };
    let mut beside: Vec<String> = collector.left_out.iter().filter_map(|(reason, n)| left_out(reason, *n)).collect();
    if collector.dynamic > 0 {
        beside.push(format!("{} minted per job, not watched", collector.dynamic));
    }
    beside.into_iter().fold(held, |text, more| format!("{text}, and {more}"))
}

/// `3 JWTs`; only `3` where the collector is called what they are.
fn counted(collector: &str, title: &str, n: usize) -> String {
    match collector == format!("{title}s") {
        true => n.to_string(),
        false => words::count(n, title),
    }
}

fn left_out(reason: &str, n: u32) -> Option<String> {
    let n = n as usize;
    Some(match LeftOut::parse(reason)? {
        LeftOut::TrustRoot => format!("{} hidden", words::count(n, "trust root")),
        LeftOut::Ignored => format!("{n} ignored"),
        LeftOut::Person => format!("{n} of people, not watched"),
        LeftOut::OverLimit => format!("{n} beyond max_tokens, not watched"),
        // What ended long ago is nobody's news on the first day.
        LeftOut::History => return None,
    })
}

fn watchable(row: &TokenRow, now: crate::domain::At) -> TokenRow {
    let mut row = row.clone();
    let away = row.line.deadline.map(|at| (at - now).num_seconds());
    if away.is_some_and(|away| (0..WATCHABLE).contains(&away)) {
        row.why.push_str("; stay and watch");
    }
    row
}
