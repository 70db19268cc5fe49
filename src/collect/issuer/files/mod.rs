//! Offline origin: certificates and JWTs in files and globs. No request leaves the machine.
//!
//! Each pattern is a listing, each file a listing under it: a file that cannot be read is unread, not absent, and a
//! file that is gone is absent only where its folder was read whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Collector;
use super::plan::segment;
use super::read::{self, Answer, FileCx};
use super::scope::{self, Probe, Scope};
use super::walk::{Ended, Report, WalkCx, with_missed};
use crate::collect::login::keyring;
use crate::domain::At;
use crate::domain::key::SightId;
use crate::domain::observation::{Coverage, Observation};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

mod bytes;
mod glob;

pub use glob::{Found, Pattern};

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
            Ok(secret) => {
                round
                    .file(
                        report,
                        listing,
                        Named { name: name.clone(), place: String::new(), explicit: true },
                        secret.expose().as_bytes().to_vec(),
                    )
                    .await
            }
            Err(error) => {
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

struct Round<'a> {
    cx: &'a WalkCx,
    scope: Arc<Scope>,
    read: u32,
    missed: u32,
    first: Option<(FailureReason, Text)>,
}

struct Named {
    name: String,
    /// The whole path, so that two files never share a slot; empty for a value that was named.
    place: String,
    explicit: bool,
}

impl Named {
    /// The path below the fixed part of its pattern (semantics 1.3), without the ending that only says what it is.
    fn under(prefix: &Path, path: &Path) -> Self {
        let below = path.strip_prefix(prefix).unwrap_or(path).display().to_string();
        let short = ENDINGS.iter().find_map(|ending| below.strip_suffix(ending));
        let name = short.filter(|name| !name.is_empty() && !name.ends_with('/')).unwrap_or(&below).to_owned();
        Self { name, place: path.display().to_string(), explicit: false }
    }
}

/// Endings of files that tell nothing to a person who looks for one of them.
const ENDINGS: [&str; 6] = [".pem", ".crt", ".cer", ".der", ".jwt", ".token"];

impl Round<'_> {
    async fn pattern(&mut self, report: &mut Report<'_>, written: &str) {
        let listing = format!("files/{}", bytes::part(written));
        let pattern = match Pattern::new(written) {
            Ok(pattern) => pattern,
            Err(error) => return self.unread(report, listing, FailureReason::NotFound, &error).await,
        };
        if pattern.is_plain() {
            // A path without a glob is named: its absence is a failure to read, never an end.
            let path = Path::new(written);
            return self
                .path(report, listing, path, Named { explicit: true, ..Named::under(&pattern.prefix(), path) })
                .await;
        }
        let prefix = pattern.prefix();
        let most = glob::MOST_FILES;
        let found = tokio::task::spawn_blocking(move || pattern.find(most))
            .await
            .unwrap_or_else(|_| Found::failed("the search panicked"));
        let ends = match &found.missed {
            None => {
                self.read += 1;
                Coverage::Whole
            }
            Some((reason, detail)) => {
                self.note(*reason, detail);
                let read = u32::try_from(found.paths.len()).unwrap_or(u32::MAX);
                with_missed(Coverage::Whole, read, 1, *reason)
            }
        };
        for path in &found.paths {
            if self.cx.stop.is_cancelled() {
                return;
            }
            let listing = format!("{listing}>{}", bytes::part(&path.display().to_string()));
            self.path(report, listing, path, Named::under(&prefix, path)).await;
        }
        // The parent ends after its children, as with every issuer: what it announced has been told.
        let page = self.page(&listing, self.cx.clock.now(), ends);
        report.page(page).await;
    }

    async fn path(&mut self, report: &mut Report<'_>, listing: String, path: &Path, named: Named) {
        let owned: PathBuf = path.to_owned();
        let read = tokio::task::spawn_blocking(move || bytes::read(&owned)).await;
        match read.unwrap_or_else(|_| Err((FailureReason::Decode, "reading panicked".into()))) {
            Ok(bytes) => self.file(report, listing, named, bytes).await,
            Err((reason, error)) => self.unread(report, listing, reason, &format!("{}: {error}", path.display())).await,
        }
    }

    async fn file(&mut self, report: &mut Report<'_>, listing: String, named: Named, bytes: Vec<u8>) {
        let read_at = self.cx.clock.now();
        let value = self.cx.fingerprints.of(&bytes);
        let scope = self.scope.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let Named { name, place, explicit } = &named;
            read::file(&scope, &FileCx { name, place, bytes: &bytes, value, explicit: *explicit, read_at })
        });
        let Ok(answer) = answer.await else {
            return self.unread(report, listing, FailureReason::Decode, "reading a file panicked").await;
        };
        let ends = match (answer.reason, answer.cut) {
            (None, Some(reason)) => {
                self.note(reason, "holds something that nobody can name");
                with_missed(Coverage::Whole, 1, 1, reason)
            }
            (Some(reason), _) => {
                self.note(reason, answer.detail.as_ref().map_or("cannot be decoded", Text::as_str));
                Coverage::Failed { reason }
            }
            (None, None) => {
                self.read += 1;
                Coverage::Whole
            }
        };
        let page = self.page(&listing, read_at, ends);
        let Answer { records, rejects, listed, left_out, .. } = answer;
        report.page(Observation { records, rejects, listed, left_out, ..page }).await;
    }

    async fn unread(&mut self, report: &mut Report<'_>, listing: String, reason: FailureReason, detail: &str) {
        self.note(reason, detail);
        let page = self.page(&listing, self.cx.clock.now(), Coverage::Failed { reason });
        report.page(page).await;
    }

    fn note(&mut self, reason: FailureReason, detail: &str) {
        self.missed += 1;
        self.cx.metrics.collector_error(&self.scope.collector, reason);
        self.first.get_or_insert_with(|| (reason, Text::new(detail)));
    }

    fn page(&self, listing: &str, taken_at: At, ends: Coverage) -> Observation {
        Observation {
            collector: self.scope.collector.clone(),
            sight: self.scope.sight,
            walk: self.scope.walk,
            listing: listing.into(),
            ends: Some(ends),
            taken_at,
            issuer_clock: None,
            records: Vec::new(),
            listed: Vec::new(),
            gone: Vec::new(),
            rejects: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
