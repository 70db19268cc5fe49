//! Offline origin: certificates and JWTs in files and globs. No request leaves the machine.
//!
//! Each pattern is a listing, each file a listing under it: a file that cannot be read is unread, not absent, and a
//! file that is gone is absent only where its folder was read whole.

use std::sync::Arc;

use super::Collector;
use super::plan::segment;
use super::scope::{self, Probe, Scope};
use super::walk::{Ended, Report, WalkCx, with_missed};
use crate::collect::login::keyring;
use crate::domain::key::SightId;
use crate::domain::observation::Coverage;
use crate::domain::reason::FailureReason;

mod bytes;
mod glob;
mod named;
mod round;

pub use glob::{Found, Pattern};
use named::Named;
use round::Round;

/// One walk over every pattern and every named value.
pub(super) async fn walk(collector: &Collector, cx: &WalkCx, sight: SightId, report: &mut Report<'_>) -> Ended {
    let scope = Arc::new(Scope {
        collector: collector.id.clone(),
        definition: collector.definition.clone(),
        url: None,
        settings: scope::settings(&collector.definition, &collector.settings),
        probes: Vec::<Probe>::new(),
        login: None,
        slots_by_id: collector.settings.slots_by_id,
        sight,
        walk: cx.walk,
    });
    let mut round = Round { cx, scope, read: 0, missed: 0, first: None };
    for (name, at) in &collector.settings.inspect {
        let listing = format!("inspect/{}", segment(name));
        match keyring::get(at) {
            Ok(secret) => round.file(report, listing, Named::given(name), secret.expose().as_bytes().to_vec()).await,
            Err(error) => {
                round.tell(report, "READ", &format!("inspect.{name}"), Some(FailureReason::NotFound));
                round.unread(report, listing, FailureReason::NotFound, &format!("inspect.{name}: {error}")).await
            }
        }
    }
    for pattern in &collector.settings.files {
        if cx.stop.is_cancelled() {
            break;
        }
        round.pattern(report, pattern).await;
    }
    report.asked = true;
    let (read, missed) = (round.read, round.missed);
    let (why, detail) = round.first.map_or((FailureReason::NotFound, None), |(why, detail)| (why, Some(detail)));
    (with_missed(Coverage::Whole, read, missed, why), detail)
}

#[cfg(test)]
mod tests;
