//! The values that ask about themselves, read for one walk: which are asked now, which are not, which cannot be read.
//!
//! A value is read once a walk, so that the hash it is known by and the value that is sent are the same.

use super::report::{Report, with_missed};
use super::{Ended, WalkCx, page};
use crate::base::secret::Secret;
use crate::collect::issuer::Collector;
use crate::collect::issuer::plan::segment;
use crate::collect::issuer::scope::{Probe, Scope};
use crate::collect::login::keyring;
use crate::domain::observation::Coverage;
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// Why an entry of `inspect:` is not asked.
#[derive(Default)]
pub struct Held {
    pub probes: Vec<Probe>,
    /// In the order of `probes`.
    pub values: Vec<Secret>,
    /// Name, and a sentence without the value.
    unreadable: Vec<(String, String)>,
    /// Some values are not asked in this round (semantics 3.4).
    pub silent: bool,
}

/// Reads every entry now.
pub fn read(collector: &Collector, cx: &WalkCx) -> Held {
    let mut held = Held::default();
    let mut all = Vec::new();
    let now = cx.clock.now();
    for (name, at) in &collector.settings.inspect {
        let secret = match keyring::get(at) {
            Ok(secret) => secret,
            Err(error) => {
                held.unreadable.push((name.clone(), error.to_string()));
                continue;
            }
        };
        let value = cx.fingerprints.of(secret.expose().as_bytes());
        all.push(value.clone());
        if cx.memory.asks(&value, now) {
            held.probes.push(Probe { name: name.clone(), value });
            held.values.push(secret);
        } else {
            held.silent = true;
        }
    }
    cx.memory.keep(&all);
    held
}

impl Held {
    /// Tells the unreadable ones as listings that failed: facts age, nothing is concluded, the collector says why.
    pub async fn missed(&self, cx: &WalkCx, scope: &Scope, ended: Ended, report: &mut Report<'_>) -> Ended {
        let why = FailureReason::NotFound;
        for (name, _) in &self.unreadable {
            cx.metrics.collector_error(&scope.collector, why);
            report
                .page(page(
                    scope,
                    &format!("inspect/{}", segment(name)),
                    cx.clock.now(),
                    Coverage::Failed { reason: why },
                    Vec::new(),
                ))
                .await;
        }
        let (coverage, detail) = ended;
        let first = self.unreadable.first().map(|(name, error)| Text::new(&format!("inspect.{name}: {error}")));
        let read = if report.asked { self.probes.len().max(1) } else { 0 };
        let counted = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (with_missed(coverage, counted(read), counted(self.unreadable.len()), why), detail.or(first))
    }
}
