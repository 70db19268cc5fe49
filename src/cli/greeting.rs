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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::samples::{at, collector, now, plain, row};
    use crate::domain::finding::Severity;

    fn collectors() -> Vec<CollectorRow> {
        let read = "2026-11-24T09:40:00Z";
        let mut certificates = collector("certificates", read, false);
        certificates.left_out = vec![("trust_root".into(), 142), ("history".into(), 3)];
        let mut first = collector("slow", read, false);
        (first.last_poll, first.last_success) = (None, None);
        vec![certificates, collector("examples", read, false), collector("files", read, false), first]
    }

    /// The rows of surfaces 1.1 that can be true: environment and dot-files are not looked at.
    fn tokens() -> Tokens {
        let mut watch =
            row("in 3 min|Tue 24 Nov 09:43 UTC|examples/watch-me|expires|deploy-prod|", Some(Severity::Info));
        watch.line.deadline = Some(at("2026-11-24T09:43:00Z"));
        let rows = vec![
            watch,
            row("in 6 days|Mon 30 Nov 14:20 UTC|examples/nightly-bot|expires|nightly|", Some(Severity::Warning)),
            row("in 41 days|Mon 4 Jan 08:00 UTC|certificates/ssl-cert-snakeoil|expires|not said|", None),
            row("never||examples/old-robot|never expires|not said|", Some(Severity::Warning)),
        ];
        let (watched, matching) = (5, 5);
        Tokens {
            now: now(),
            watched,
            need_someone: 2,
            matching,
            offset: 0,
            tokens: rows,
            collectors: collectors(),
            held: Vec::new(),
        }
    }

    #[test]
    fn surfaces_1_1() {
        let held = BTreeMap::from([
            ("certificates".to_owned(), BTreeMap::from([("certificate".to_owned(), 1)])),
            ("examples".to_owned(), BTreeMap::from([("JWT".to_owned(), 3)])),
        ]);
        let tokens = tokens();
        let greeting = Greeting {
            config: "config/quickstart.yaml",
            store: "target/quickstart/forewarn.db",
            offline: true,
            tokens: &tokens,
            held: &held,
            page: Some("http://127.0.0.1:10789"),
            telling: Telling::Here,
        };
        insta::assert_snapshot!(plain(&text(&greeting, Screen::default())), @r#"
        forewarn 0.1.0 · config/quickstart.yaml · remembers in target/quickstart/forewarn.db

        looked at this machine (no value is shown, sent or stored)
          certificates  1, and 142 trust roots hidden
          examples      3 JWTs
          files         none
          slow          still in its first round

        ENDS                              TOKEN                           WHY                      BREAKS
        in 3 min    Tue 24 Nov 09:43 UTC  examples/watch-me               expires; stay and watch  deploy-prod
        in 6 days   Mon 30 Nov 14:20 UTC  examples/nightly-bot            expires                  nightly
        in 41 days  Mon 4 Jan 08:00 UTC   certificates/ssl-cert-snakeoil  expires                  not said
        never                             examples/old-robot              never expires            not said
        and 1 more: forewarn list --all --server=http://127.0.0.1:10789

        page      http://127.0.0.1:10789/          metrics  http://127.0.0.1:10789/metrics
        yours     echo 'collectors: { certificates: { issuer: x509, files: ["/etc/ssl/certs/*.pem"] } }' > forewarn.yml
        then      forewarn check-config forewarn.yml     then     forewarn --config.file=forewarn.yml
        what would go to Slack or mail is printed here; Ctrl-C ends
        "#);
        insta::assert_snapshot!(plain(&text(&greeting, Screen { width: Some(60) })), @r#"
        forewarn 0.1.0 · config/quickstart.yaml · remembers in target/quickstart/forewarn.db

        looked at this machine (no value is shown, sent or stored)
          certificates  1, and 142 trust roots hidden
          examples      3 JWTs
          files         none
          slow          still in its first round

        in 3 min  examples/watch-me
            Tue 24 Nov 09:43 UTC · expires; stay and watch
            breaks deploy-prod
        in 6 days  examples/nightly-bot
            Mon 30 Nov 14:20 UTC · expires · breaks nightly
        in 41 days  certificates/ssl-cert-snakeoil
            Mon 4 Jan 08:00 UTC · expires
        never  examples/old-robot
            never expires
        and 1 more: forewarn list --all --server=http://127.0.0.1:10789

        page      http://127.0.0.1:10789/          metrics  http://127.0.0.1:10789/metrics
        yours     echo 'collectors: { certificates: { issuer: x509, files: ["/etc/ssl/certs/*.pem"] } }' > forewarn.yml
        then      forewarn check-config forewarn.yml     then     forewarn --config.file=forewarn.yml
        what would go to Slack or mail is printed here; Ctrl-C ends
        "#);
    }
}
