//! One walk over files: each pattern is searched, each file read and told as a listing of its own.
//!
//! Knows no login and no request; what cannot be read is unread, never absent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bytes;
use super::glob::{self, Found, Pattern};
use super::named::Named;
use crate::base::time::clock::Stopwatch;
use crate::collect::issuer::read::{self, Answer, FileCx};
use crate::collect::issuer::scope::Scope;
use crate::collect::issuer::walk::trace::Tried;
use crate::collect::issuer::walk::{Report, WalkCx, bounded, with_missed};
use crate::domain::At;
use crate::domain::observation::{Coverage, Observation};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// One walk over files.
pub(super) struct Round<'a> {
    pub(super) cx: &'a WalkCx,
    pub(super) scope: Arc<Scope>,
    pub(super) read: u32,
    pub(super) missed: u32,
    pub(super) first: Option<(FailureReason, Text)>,
}

impl Round<'_> {
    pub(super) async fn pattern(&mut self, report: &mut Report<'_>, written: &str) {
        let listing = format!("files/{}", bytes::part(written));
        let pattern = match Pattern::new(written) {
            Ok(pattern) => pattern,
            Err(error) => {
                self.tell(report, "FIND", written, Some(FailureReason::NotFound));
                return self.unread(report, listing, FailureReason::NotFound, &error).await;
            }
        };
        if pattern.is_plain() {
            // A path without a glob is named: its absence is a failure to read, never an end.
            let path = Path::new(written);
            return self.path(report, listing, path, Named::plain(&pattern.prefix(), path)).await;
        }
        let prefix = pattern.prefix();
        let most = glob::MOST_FILES;
        let found = tokio::task::spawn_blocking(move || pattern.find(most))
            .await
            .unwrap_or_else(|_| Found::failed("the search panicked"));
        self.tell(report, "FIND", written, found.missed.as_ref().map(|(reason, _)| *reason));
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
            Err((reason, error)) => {
                self.tell(report, "READ", &path.display().to_string(), Some(reason));
                self.unread(report, listing, reason, &format!("{}: {error}", path.display())).await;
            }
        }
    }

    pub(super) async fn file(&mut self, report: &mut Report<'_>, listing: String, named: Named, bytes: Vec<u8>) {
        let (read_at, watch) = (self.cx.clock.now(), Stopwatch::start());
        // A value that was named lies in no file.
        let place = if named.place.is_empty() { format!("inspect.{}", named.name) } else { named.place.clone() };
        let value = self.cx.fingerprints.of(&bytes);
        let scope = self.scope.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let Named { name, place, explicit } = &named;
            read::file(&scope, &FileCx { name, place, bytes: &bytes, value, explicit: *explicit, read_at })
        });
        let Ok(answer) = answer.await else {
            return self.unread(report, listing, FailureReason::Decode, "reading a file panicked").await;
        };
        let mut tried = self.tried("READ", &place).records(answer.records.len()).failed(answer.reason.or(answer.cut));
        tried.took(watch.elapsed());
        report.trace.request(tried);
        report.trace.rejects(self.request(), &answer.rejects);
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

    pub(super) async fn unread(
        &mut self,
        report: &mut Report<'_>,
        listing: String,
        reason: FailureReason,
        detail: &str,
    ) {
        self.note(reason, detail);
        let page = self.page(&listing, self.cx.clock.now(), Coverage::Failed { reason });
        report.page(page).await;
    }

    fn note(&mut self, reason: FailureReason, detail: &str) {
        self.missed += 1;
        self.cx.metrics.collector_error(&self.scope.collector, reason);
        self.first.get_or_insert_with(|| (reason, Text::new(detail)));
    }

    /// For people: what was looked for, or read.
    pub(super) fn tell(&self, report: &mut Report<'_>, method: &str, place: &str, failure: Option<FailureReason>) {
        report.trace.request(self.tried(method, place).failed(failure));
    }

    fn tried(&self, method: &str, place: &str) -> Tried {
        Tried::new(self.request(), method, bounded(place))
    }

    fn request(&self) -> &str {
        self.scope.definition.requests.first().map_or("files", |request| request.name.as_str())
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
