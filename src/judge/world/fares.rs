//! How a collector fares: its status after a round, what it could not read, and whether it reads again.

use std::collections::BTreeMap;

use super::World;
use super::walks::OpenWalk;
use crate::domain::At;
use crate::domain::collector::{CollectorStatus, Unread};
use crate::domain::key::ListingKey;
use crate::domain::observation::{Coverage, WalkEnd};
use crate::domain::reason::FailureReason;
use crate::judge::evaluate::rules::CollectorRules;

impl World {
    /// What was not read for so long that its tokens were judged by it is read again. Those that this round did not see
    /// were judged unread, and nothing else would judge them anew.
    pub(super) fn reads_again(&self, status: &CollectorStatus, now: At) -> bool {
        let Some(before) = self.collectors.get(&status.id) else { return false };
        let limit = before.stale_after.map(|limit| chrono::TimeDelta::seconds(i64::from(limit)));
        let was_stale = before.last_success.zip(limit).is_some_and(|(read, limit)| read + limit <= now);
        let reads = status.last_success > before.last_success;
        reads && (was_stale || before.unread.keys().any(|listing| !status.unread.contains_key(listing)))
    }

    /// The collector as this round leaves it.
    pub(super) fn status_after(
        &self,
        end: &WalkEnd,
        rules: &CollectorRules,
        walk: &OpenWalk,
        now: At,
    ) -> CollectorStatus {
        let fresh = || CollectorStatus::new(rules.id.clone(), rules.issuer.clone(), rules.every, rules.stale_after);
        let mut status = self.collectors.get(&end.collector).cloned().unwrap_or_else(fresh);
        status.issuer = rules.issuer.clone();
        status.every = rules.every;
        status.stale_after = rules.stale_after;
        status.last_walk = Some(end.ended_at);
        let took = (end.ended_at - end.started_at).num_milliseconds().clamp(0, i64::from(u32::MAX));
        status.last_duration_ms = end.duration_ms.or(u32::try_from(took).ok());
        status.coverage = Some(end.coverage);
        status.ratelimit_remaining = end.ratelimit_remaining;
        status.clock_difference = walk.clock_difference.or(status.clock_difference);
        match end.coverage {
            Coverage::Failed { reason } => failed(&mut status, reason, end),
            Coverage::Whole | Coverage::Partial { .. } => succeeded(&mut status, end, walk),
        }
        self.note_unread(&mut status, walk, now);
        status
    }

    /// Which listings were not read, since when, and how many slots they held.
    fn note_unread(&self, status: &mut CollectorStatus, walk: &OpenWalk, now: At) {
        if walk.listings.is_empty() {
            return;
        }
        let before = std::mem::take(&mut status.unread);
        let missed = walk.listings.iter().filter_map(|(listing, coverage)| Some((listing, coverage.reason()?)));
        let missed: Vec<_> = missed.collect();
        if missed.is_empty() {
            return;
        }
        let mut held: BTreeMap<ListingKey, u32> = BTreeMap::new();
        self.inventory.each(Some(&status.id), &mut |token, _| {
            if !token.own_login() {
                *held.entry(token.listing.clone()).or_default() += 1;
            }
        });
        let read = status_read(self, &status.id).unwrap_or(now);
        for (listing, reason) in missed {
            let known = before.get(listing);
            let since = known.map_or(read, |unread| unread.since);
            let rounds = known.map_or(0, |unread| unread.rounds) + 1;
            let held = held.get(listing).copied().unwrap_or(0);
            status.unread.insert(listing.clone(), Unread { since, rounds, reason, held });
        }
    }
}

fn status_read(world: &World, id: &crate::domain::key::CollectorId) -> Option<At> {
    world.collectors.get(id).and_then(|status| status.last_success)
}

fn failed(status: &mut CollectorStatus, reason: FailureReason, end: &WalkEnd) {
    status.failing_since.get_or_insert(end.ended_at);
    status.failure = Some(reason);
    status.failure_detail = end.detail.clone();
    status.good_rounds = 0;
    match reason {
        FailureReason::LoginRefused => status.refused_rounds += 1,
        _ => status.refused_rounds = 0,
    }
}

fn succeeded(status: &mut CollectorStatus, end: &WalkEnd, walk: &OpenWalk) {
    status.last_success = Some(end.ended_at);
    status.left_out = walk.left_out.clone();
    status.dynamic = walk.dynamic;
    status.good_rounds = status.good_rounds.saturating_add(1);
    status.refused_rounds = 0;
    if status.good_rounds >= 2 {
        status.failing_since = None;
        status.failure = None;
        status.failure_detail = None;
    }
    if status.sight != Some(end.sight) {
        status.sight = Some(end.sight);
        status.sight_since = Some(end.ended_at);
        status.introduced = false;
    }
}
