//! One slot judged: assessment, episodes, and what is to be told of it.

use super::observed::own_login;
use super::{Deciding, Decision, SETTLING, World};
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{Assessment, Finding, FindingKind, Severity, Standing, Why};
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::token::Token;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::evaluate::{self, Covered};
use crate::judge::inventory::infer::News;
use crate::judge::tell::Told;
use crate::judge::tell::episodes::{self, Happened, StepCx};

/// Why a slot is judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub happened: Happened,
    /// Its issuer has just spoken of it: no need to wait for the first round after a start.
    pub fresh: bool,
    /// Judged at the end of a first look: nothing is told now, the introduction tells it.
    pub silent: bool,
}

impl Cause {
    pub fn news(news: &[News]) -> Self {
        let mut happened = Happened::default();
        for piece in news {
            match piece {
                News::Rotated { .. } => happened.rotated = true,
                News::Returned { .. } => happened.returned = true,
                News::Extended => happened.extended = true,
                News::FirstSeen | News::Ended { .. } | News::TurnedBack | News::Renamed => {}
            }
        }
        Self { happened, fresh: true, silent: false }
    }
}

impl World {
    /// Judges `slot` as it stands in this decision; its rules are matched by the caller or remembered.
    pub(crate) fn judge(&self, slot: &Token<'_>, cause: Cause, cx: &mut Deciding<'_>) -> Assessment {
        let key = slot.key.as_ref();
        let status = self.status_in(cx.decision, slot);
        let mut assessment = evaluate::assess(slot, &status, &self.rules, cx.almanac, cx.now);
        if slot.own_login() && slot.generations.is_empty() {
            // A collector without a login has a slot for its own findings only.
            assessment.findings.clear();
        }
        self.add_collector(slot, &status, cx.now, &mut assessment);
        self.add_unrouted(slot, &status, &mut assessment);
        let abandoned = self.give_up(slot, &mut assessment, cx.now);
        let subject = Subject::Token(key.clone());
        let known = self.known_in(cx.decision, &subject);
        let removed = self.removed(&known, &mut assessment);
        let mut standing = Standing::from(&assessment);
        self.note_blindness(slot, &standing, cx);
        let settled = self.started_at + chrono::TimeDelta::seconds(SETTLING);
        let held = (!cause.fresh && self.settling(&status, cx.now)).then_some(settled);
        if let Some(until) = held.or_else(|| missed_once(slot, &status, cx.now)) {
            standing.next_change = Some(standing.next_change.map_or(until, |at| at.min(until)));
            cx.decision.judged.push((key.clone(), standing));
            return assessment;
        }
        // What its issuer has just said of it is no matter of configuration.
        let reconfigured = (self.regoverning && !cause.fresh) || cause.happened.reconfigured;
        let happened = Happened {
            reconfigured,
            still_runs: reconfigured && !self.rules.policy(slot.policy).runs.is_empty(),
            rerouted: self.regoverning && !cause.fresh,
            removed: removed.is_some(),
            leaves: cause.happened.leaves.or(abandoned).or(removed.filter(|_| !assessment.usable)),
            collector_failing: self.is_blind(cx.decision, &key.collector),
            ..cause.happened
        };
        let step = StepCx {
            subject: &subject,
            happened: &happened,
            team: slot.team.as_ref(),
            silent: cause.silent || untimely(slot, &status),
            now: cx.now,
        };
        let steps = episodes::step(&known, &assessment.findings, &step);
        standing.next_change = self.next_change(&assessment, &known, &steps);
        cx.decision.judged.push((key.clone(), standing));
        self.collect(steps, slot, &assessment, cx);
        assessment
    }

    /// Thirty days after its end nothing more is said of an inventory's token.
    fn give_up(&self, slot: &Token<'_>, assessment: &mut Assessment, now: At) -> Option<Closing> {
        let at = given_up(slot, assessment)?;
        if at > now {
            assessment.next_change = Some(assessment.next_change.map_or(at, |next| next.min(at)));
            return None;
        }
        assessment.findings.clear();
        Some(Closing::Abandoned)
    }

    /// A token that nobody used and that is gone: good news, and nothing is wrong with it any more (semantics 9.4).
    fn removed(&self, known: &[Episode], assessment: &mut Assessment) -> Option<Closing> {
        let removal = assessment.findings.iter().any(|finding| episodes::is_removal(known, finding));
        let usable = assessment.usable;
        assessment.findings.retain(|finding| !removal || usable && !finding.kind.is_ended());
        removal.then_some(Closing::Removed)
    }

    /// Whether a slot that its issuer no longer lists may be forgotten (semantics 9.4).
    pub(crate) fn forgettable(&self, slot: &Token<'_>, decision: &Decision, almanac: &mut Almanac, now: At) -> bool {
        let status = self.status_in(decision, slot);
        let assessment = evaluate::assess(slot, &status, &self.rules, almanac, now);
        given_up(slot, &assessment).is_some_and(|at| at <= now)
    }

    /// Episodes of a subject, with what this decision has changed already.
    pub(crate) fn known_in(&self, decision: &Decision, subject: &Subject) -> Vec<Episode> {
        let mut known = self.episodes.get(subject).cloned().unwrap_or_default();
        for changed in decision.episodes_of(subject) {
            match known.iter_mut().find(|episode| episode.id == changed.id) {
                Some(episode) => *episode = changed.clone(),
                None => known.push(changed.clone()),
            }
        }
        known
    }

    fn next_change(
        &self,
        assessment: &Assessment,
        known: &[Episode],
        steps: &[(Episode, Option<Transition>)],
    ) -> Option<At> {
        let changed = steps.iter().map(|(episode, _)| episode);
        let kept = known.iter().filter(|episode| !steps.iter().any(|(other, _)| other.id == episode.id));
        let reminders = changed.chain(kept).filter(|episode| episode.open()).filter_map(episodes::next_reminder);
        reminders.chain(assessment.next_change).min()
    }

    fn collect(
        &self,
        steps: Vec<(Episode, Option<Transition>)>,
        slot: &Token<'_>,
        assessment: &Assessment,
        cx: &mut Deciding<'_>,
    ) {
        for (episode, transition) in steps {
            if let Some(transition) = transition {
                let facts = self.facts(slot, &episode, assessment, cx.now);
                // A closing goes where something was told; a new reader is told what others have heard.
                let told_to = match &transition {
                    Transition::Closed(_) | Transition::Reassigned => {
                        self.told_to.get(&episode.id).cloned().unwrap_or_default()
                    }
                    _ => Vec::new(),
                };
                let traits = Self::traits(slot);
                cx.decision.told.push(Told {
                    episode: episode.clone(),
                    transition,
                    facts,
                    introduction: false,
                    told_to,
                    traits,
                });
            }
            cx.decision.keep(episode);
        }
    }

    /// Status of the slot's collector, as this decision has it.
    pub(crate) fn status_in(&self, decision: &Decision, slot: &Token<'_>) -> CollectorStatus {
        let id = &slot.key.collector;
        let changed = decision.batch.collectors.iter().find(|status| status.id == *id);
        changed.or_else(|| self.collectors.get(id)).cloned().unwrap_or_else(|| {
            let rules = self.rules.collector(id);
            CollectorStatus::new(
                id.clone(),
                rules.map(|rules| rules.issuer.clone()).unwrap_or_default(),
                rules.map_or(0, |rules| rules.every),
                rules.and_then(|rules| rules.stale_after),
            )
        })
    }

    /// After a start, episodes of a collector wait for its first round.
    pub(crate) fn settling(&self, status: &CollectorStatus, now: At) -> bool {
        let finished = self.walks.get(&status.id).is_some_and(|walk| walk.finished > 0);
        !finished && now < self.started_at + chrono::TimeDelta::seconds(SETTLING)
    }

    /// A collector's own findings belong to the slot `forewarn/<collector>`.
    fn add_collector(&self, slot: &Token<'_>, status: &CollectorStatus, now: At, assessment: &mut Assessment) {
        if !slot.own_login() {
            return;
        }
        let (finding, next) = evaluate::assess_collector(status, self.covered(&slot.key, now), &self.rules, now);
        assessment.findings.extend(finding);
        assessment.next_change = [assessment.next_change, next].into_iter().flatten().min();
    }

    /// What a collector's blindness mutes is judged again when it begins and when it ends (semantics 8).
    fn note_blindness(&self, slot: &Token<'_>, standing: &Standing, cx: &mut Deciding<'_>) {
        if !slot.own_login() {
            return;
        }
        let before = self.inventory.standing(&slot.key).is_some_and(|standing| blind(&standing));
        if before != blind(standing) {
            cx.decision.mark_due = Some(slot.key.collector.clone());
        }
        cx.decision.blind.insert(slot.key.collector.clone(), blind(standing));
    }

    /// `collector_failing` stands for this collector, as this decision has it.
    fn is_blind(&self, decision: &Decision, collector: &CollectorId) -> bool {
        if let Some(&blind) = decision.blind.get(collector) {
            return blind;
        }
        let standing = self.inventory.standing(&own_login(collector));
        standing.is_some_and(|standing| blind(&standing))
    }

    fn covered(&self, own: &TokenKey, now: At) -> Covered {
        let mut covered = Covered::default();
        self.inventory.each(Some(&own.collector), &mut |token, standing| {
            if token.own_login() {
                return;
            }
            covered.tokens += 1;
            let deadline = standing.deadline.map(|(at, _)| at).filter(|at| *at > now);
            covered.earliest_deadline = [covered.earliest_deadline, deadline].into_iter().flatten().min();
        });
        covered
    }

    /// `unowned`, second case: no route would carry a critical finding of it (semantics 8).
    fn add_unrouted(&self, slot: &Token<'_>, status: &CollectorStatus, assessment: &mut Assessment) {
        let policy = self.rules.policy(slot.policy);
        let managed =
            slot.explicit() || slot.team.is_some() || policy.schedule.is_some() || !policy.pipelines.is_empty();
        let watched = !slot.own_login() && managed && self.rules.collector(&status.id).is_some();
        if !watched || self.routes.channels().is_empty() {
            return;
        }
        let open = assessment.findings.iter().any(|finding| finding.kind == FindingKind::Unmanaged);
        let facts = self.identity_facts(slot);
        if !open && !self.routes.carries_critical(&facts, &Self::traits(slot)) {
            assessment.findings.retain(|finding| finding.kind != FindingKind::Unowned);
            assessment.findings.push(Finding::new(FindingKind::Unowned, Severity::Warning, Why::NoRoute));
        }
    }

    /// Closes every open episode of a slot that leaves.
    pub(crate) fn leave(&self, slot: &Token<'_>, how: Closing, cx: &mut Deciding<'_>) {
        let subject = Subject::Token(slot.key.as_ref().clone());
        let happened = Happened { leaves: Some(how), ..Happened::default() };
        let step =
            StepCx { subject: &subject, happened: &happened, team: slot.team.as_ref(), silent: false, now: cx.now };
        let known = self.known_in(cx.decision, &subject);
        let steps = episodes::step(&known, &[], &step);
        let status = self.status_in(cx.decision, slot);
        let assessment = evaluate::assess(slot, &status, &self.rules, cx.almanac, cx.now);
        self.collect(steps, slot, &assessment, cx);
    }
}

/// A collector's own finding says that its tokens are not read. `partial` is info, told to nobody: it mutes nothing.
fn blind(standing: &Standing) -> bool {
    standing.findings.get(FindingKind::CollectorFailing) > Some(Severity::Info)
}

/// Days after which an ended token of an inventory is given up (semantics 9.4).
const GIVEN_UP: i64 = 30;

/// When an ended token of an inventory is given up: closed as abandoned, told once, and dropped when it is no longer
/// listed. Never a token that the configuration names.
fn given_up(slot: &Token<'_>, assessment: &Assessment) -> Option<At> {
    let ended = assessment.findings.iter().find(|finding| finding.kind.is_ended())?;
    let due = ended.due.filter(|_| !slot.explicit() && !assessment.usable)?;
    Some(due + chrono::TimeDelta::days(GIVEN_UP))
}

/// Before the first finished round nothing is told but that there is none (semantics 10).
fn untimely(slot: &Token<'_>, status: &CollectorStatus) -> bool {
    let blind = slot.own_login() && status.failing_since.is_some();
    !status.introduced && !blind
}

/// Missed in one whole listing and not yet in a second (semantics 3.3): whatever is concluded is concluded then. Waits
/// no longer than for the round after an end (4.5).
fn missed_once(slot: &Token<'_>, status: &CollectorStatus, now: At) -> Option<At> {
    let head = slot.head().filter(|head| head.ended.is_none() && head.absent_rounds == 1)?;
    let patience = (2 * i64::from(status.every)).max(300);
    let until = head.absent_since? + chrono::TimeDelta::seconds(patience);
    (now < until).then_some(until)
}

/// Whether an episode still stands for something to introduce.
pub(crate) fn untold(episode: &Episode) -> bool {
    matches!(episode.state, EpisodeState::Open) && episode.told.is_none() && episode.severity >= Severity::Warning
}
