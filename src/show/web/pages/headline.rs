//! The first sentence of the start page: how many tokens need someone, and which pipeline breaks first. Pure.

use serde::Serialize;

use crate::deliver::message::words;
use crate::domain::At;
use crate::judge::world::view::PipelineState;
use crate::show::answers::shapes::{CollectorRow, PipelineRow, Tokens};

#[derive(Debug, Serialize)]
pub struct Headline {
    /// `3 tokens need someone. deploy-prod breaks today at 12:00 UTC.`
    text: String,
    /// Name of a mark.
    grade: &'static str,
    /// Why no token is known, where none is.
    why: String,
}

impl Headline {
    pub fn of(tokens: &Tokens, pipelines: &[PipelineRow], now: At) -> Self {
        let breaking: Vec<_> =
            pipelines.iter().filter(|one| matches!(one.state, PipelineState::Broken | PipelineState::AtRisk)).collect();
        let first = breaking.iter().min_by_key(|one| (one.state, one.next_run.is_none(), one.next_run));
        let mut text = needs(tokens);
        if let Some(first) = first {
            let more = match breaking.len() - 1 {
                0 => String::new(),
                n => format!(", and {} more", words::count(n, "pipeline")),
            };
            text = format!("{text} {}{more}.", breaks(first, now));
        }
        let blind = tokens.collectors.iter().any(|one| !one.fresh);
        let grade = match () {
            () if first.is_some_and(|one| one.state == PipelineState::Broken) => "critical",
            () if tokens.need_someone > 0 || first.is_some() => "warning",
            () if tokens.watched == 0 || blind => "unknown",
            () => "quiet",
        };
        Self { text, grade, why: none_known(&tokens.collectors) }
    }
}

fn needs(tokens: &Tokens) -> String {
    match (tokens.need_someone, tokens.watched) {
        (_, 0) => "No tokens are known yet.".into(),
        (0, 1) => "The one token is quiet.".into(),
        (0, n) => format!("All {n} tokens are quiet."),
        (1, _) => "1 token needs someone.".into(),
        (n, _) => format!("{n} tokens need someone."),
    }
}

fn breaks(one: &PipelineRow, now: At) -> String {
    let name = &one.pipeline;
    match (one.state, one.next_run, one.safe_until) {
        (_, Some(run), _) if run >= now && run.date_naive() == now.date_naive() => {
            format!("{name} breaks today at {}", words::clock(run, now))
        }
        (_, Some(run), _) if run >= now => format!("{name} breaks {}", words::short(run, now)),
        (PipelineState::AtRisk, None, Some(until)) if until > now => {
            format!("{name} is safe only until {}", words::short(until, now))
        }
        (PipelineState::Broken, ..) => format!("{name} is broken"),
        _ => format!("{name} is at risk"),
    }
}

/// Why nothing is known, and what happens or helps.
pub fn none_known(collectors: &[CollectorRow]) -> String {
    if collectors.is_empty() {
        return "No collector is configured, so nothing is read: name one under `collectors:`.".into();
    }
    let first: Vec<_> =
        collectors.iter().filter(|one| one.last_poll.is_none()).map(|one| one.collector.as_str()).collect();
    let failing: Vec<_> =
        collectors.iter().filter(|one| one.failure.is_some()).map(|one| one.collector.as_str()).collect();
    match (first.is_empty(), failing.is_empty()) {
        (false, _) => format!("No tokens are known yet: the first poll of {} is running.", words::list(&first)),
        (true, false) => {
            format!("No tokens are known: {} cannot be read. The collector's page says why.", words::list(&failing))
        }
        (true, true) => "No tokens are known: every collector was read, and none holds a token that is watched. A \
                         collector's page says what was left out."
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(day: u32, hour: u32) -> At {
        chrono::Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap()
    }

    fn tokens(watched: usize, need_someone: usize) -> Tokens {
        Tokens {
            now: at(24, 9),
            watched,
            need_someone,
            matching: watched,
            offset: 0,
            tokens: Vec::new(),
            collectors: Vec::new(),
            held: Vec::new(),
        }
    }

    fn pipeline(name: &str, state: PipelineState, next_run: Option<At>) -> PipelineRow {
        let row = serde_json::json!({
            "pipeline": name, "state": state, "environment": null, "url": null, "tokens": 1, "safe_until": null,
            "never_ends": false, "next_run": next_run, "text": "", "token": null,
        });
        serde_json::from_value(row).unwrap()
    }

    fn said(tokens: &Tokens, pipelines: &[PipelineRow]) -> (String, &'static str) {
        let headline = Headline::of(tokens, pipelines, at(24, 9));
        (headline.text, headline.grade)
    }

    #[test]
    fn the_sentence_of_the_sample() {
        let broken = pipeline("deploy-prod", PipelineState::Broken, Some(at(24, 12)));
        let said_it = said(&tokens(412, 3), &[broken.clone(), pipeline("nightly", PipelineState::Safe, None)]);
        assert_eq!(said_it, ("3 tokens need someone. deploy-prod breaks today at 12:00 UTC.".to_owned(), "critical"));
        let at_risk = pipeline("release", PipelineState::AtRisk, Some(at(25, 2)));
        let (text, _) = said(&tokens(412, 1), &[at_risk, broken]);
        assert_eq!(text, "1 token needs someone. deploy-prod breaks today at 12:00 UTC, and 1 pipeline more.");
        let (text, grade) = said(&tokens(412, 0), &[]);
        assert_eq!((text.as_str(), grade), ("All 412 tokens are quiet.", "quiet"));
        let (text, _) = said(&tokens(5, 1), &[pipeline("images", PipelineState::Broken, None)]);
        assert_eq!(text, "1 token needs someone. images is broken.");
        let (text, grade) = said(&tokens(0, 0), &[]);
        assert_eq!((text.as_str(), grade), ("No tokens are known yet.", "unknown"));
    }
}
