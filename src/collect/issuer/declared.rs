//! Dates that someone typed: the issuer `declared`. No request, no login; the configuration is the issuer.

use super::Collector;
use super::walk::{Ended, Report};
use crate::domain::At;
use crate::domain::key::SightId;
use crate::domain::observation::{Coverage, Life, Observation, Origin, Record, WalkNo};
use crate::domain::text::Text;
use crate::domain::token::{End, Expiry, ExpiryKind};

/// One entry of `tokens:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    pub name: String,
    /// `None`: `never`.
    pub expires: Option<(At, At)>,
    pub issued: Option<At>,
    /// Where it is written, `file:line`, for explain.
    pub at: String,
}

/// One listing with all of them.
pub(super) async fn walk(
    collector: &Collector,
    walk: WalkNo,
    sight: SightId,
    now: At,
    report: &mut Report<'_>,
) -> Ended {
    report.asked = true;
    let records = collector.settings.declared.iter().map(|typed| record(typed, now)).collect();
    let page = Observation {
        collector: collector.id.clone(),
        sight,
        walk,
        listing: "declared".into(),
        ends: Some(Coverage::Whole),
        taken_at: now,
        issuer_clock: None,
        records,
        listed: Vec::new(),
        gone: Vec::new(),
        rejects: Vec::new(),
        left_out: Vec::new(),
    };
    report.trace.typed(page.records.len());
    report.page(page).await;
    (Coverage::Whole, None)
}

/// The generation is `issued` and `expires` as written (semantics 1.3): an edited date is a rotation.
pub fn record(typed: &Typed, now: At) -> Record {
    let written = |at: Option<At>| at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let end = typed.expires.map_or_else(|| "never".to_owned(), |(instant, _)| written(Some(instant)));
    let expires = typed
        .expires
        .map_or(Expiry::Never, |(instant, late)| Expiry::At(End { instant, late, kind: ExpiryKind::Hard }));
    let over = expires.late().is_some_and(|late| late <= now);
    Record {
        origin: Origin::Declared,
        kind: Text::new("declared"),
        person: false,
        place: Text::default(),
        place_path: Text::default(),
        name: Text::new(&typed.name),
        generation: format!("{}/{end}", written(typed.issued)).into(),
        owner: None,
        issued: typed.issued,
        starts: None,
        expires,
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: None,
        scopes: Vec::new(),
        life: if over { Life::Expired } else { Life::Active },
        life_word: None,
        dynamic: None,
        facts: vec![(Text::new("written"), Text::new(&typed.at))],
        uses_left: None,
        link: None,
        value: None,
        doubt: None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn at(text: &str) -> At {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn rule_1_3_a_typed_date_is_a_token_and_an_edited_one_a_rotation() {
        let instant = at("2030-03-01T00:00:00Z");
        let late = instant + TimeDelta::seconds(86_399);
        let typed = Typed {
            name: "nuget-push".into(),
            expires: Some((instant, late)),
            issued: None,
            at: "forewarn.yml:17".into(),
        };
        let one = record(&typed, at("2026-11-24T09:40:00Z"));
        assert_eq!(&*one.generation, "-/2030-03-01T00:00:00Z");
        assert_eq!((one.life, one.expires.at(), one.expires.late()), (Life::Active, Some(instant), Some(late)));
        assert_eq!(record(&typed, instant).life, Life::Active);
        assert_eq!(record(&typed, late).life, Life::Expired);
        let edited = Typed { issued: Some(at("2029-12-01T00:00:00Z")), ..typed.clone() };
        assert_ne!(record(&edited, instant).generation, one.generation);
        let never = Typed { expires: None, ..typed };
        assert_eq!((record(&never, instant).expires, &*record(&never, instant).generation), (Expiry::Never, "-/never"));
    }
}
