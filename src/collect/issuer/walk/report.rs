//! What a walk tells: pages as they are read, then its end, through the bounded mailbox; counts rejects on the way.

use tokio::sync::mpsc;

use super::WalkCx;
use super::trace::Trace;
use crate::domain::observation::{Coverage, Observation, Origin, WalkEnd, Walked};
use crate::domain::reason::FailureReason;

/// The telling side of one walk.
pub struct Report<'a> {
    pub cx: &'a WalkCx,
    out: &'a mpsc::Sender<Walked>,
    /// Something was asked in this walk.
    pub asked: bool,
    /// A record of the collector's own login was told.
    pub login: bool,
    /// Requests left in the issuer's window.
    pub remaining: Option<u32>,
    /// What was done, for people.
    pub trace: Trace,
}

impl<'a> Report<'a> {
    pub fn new(cx: &'a WalkCx, out: &'a mpsc::Sender<Walked>) -> Self {
        Self { cx, out, asked: false, login: false, remaining: None, trace: Trace::default() }
    }
    /// Waits while the mailbox is full; a keeper that is gone ends the process, not this walk.
    pub async fn page(&mut self, page: Observation) {
        for reject in &page.rejects {
            self.cx.metrics.reject(&page.collector, reject.reason);
        }
        self.login |= page.records.iter().any(|record| record.origin == Origin::OwnLogin);
        let _ = self.out.send(Walked::Page(page)).await;
    }
    pub async fn end(&self, end: WalkEnd) {
        if let Some(reason) = end.coverage.reason() {
            let detail = end.detail.as_ref().map_or("", |text| text.as_str());
            tracing::debug!(collector = %end.collector, walk = end.walk, %reason, detail, "a round ended incomplete");
        }
        let _ = self.out.send(Walked::End(end)).await;
    }
}

/// Coverage with `missed` more listings that could not be read; `read` stands for what a whole one had read.
pub fn with_missed(coverage: Coverage, read: u32, missed: u32, why: FailureReason) -> Coverage {
    match coverage {
        _ if missed == 0 => coverage,
        Coverage::Whole if read == 0 => Coverage::Failed { reason: why },
        Coverage::Whole => Coverage::Partial { read, missed, reason: why },
        Coverage::Partial { read, missed: before, reason } => {
            Coverage::Partial { read, missed: before + missed, reason }
        }
        failed @ Coverage::Failed { .. } => failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_shows_in_the_coverage() {
        let why = FailureReason::NotFound;
        assert_eq!(with_missed(Coverage::Whole, 3, 0, why), Coverage::Whole);
        assert_eq!(with_missed(Coverage::Whole, 3, 1, why), Coverage::Partial { read: 3, missed: 1, reason: why });
        assert_eq!(with_missed(Coverage::Whole, 0, 1, why), Coverage::Failed { reason: why });
        let partial = Coverage::Partial { read: 1, missed: 1, reason: FailureReason::Timeout };
        assert_eq!(
            with_missed(partial, 9, 2, why),
            Coverage::Partial { read: 1, missed: 3, reason: FailureReason::Timeout }
        );
    }
}
