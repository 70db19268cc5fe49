//! Findings before and after → transitions; rungs only rise (semantics 7.1, 7.5, 9). Knows no route, no channel and no
//! text: a transition is the reason to speak, not the message.

use chrono::TimeDelta;

use super::{closings, ids};
use crate::domain::At;
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{Finding, FindingKind, Rung, Severity};
use crate::domain::key::TeamId;

/// A flapping episode closes after this long without its finding (semantics 9.3).
const QUIET: TimeDelta = TimeDelta::hours(24);
/// Openings of one finding and generation within [`QUIET`] that are flapping.
const FLAPS: usize = 3;
/// How long an episode that configuration closed can be taken up again (semantics 9.5).
const RESUMES: TimeDelta = TimeDelta::days(30);

/// What decides how vanished findings close.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    /// A new head: time findings close as rotated.
    pub rotated: bool,
    /// The expiry moved later: `extended`.
    pub extended: bool,
    /// It was unused and is gone: `removed`, which is no loss (semantics 9.4).
    pub removed: bool,
    /// An ended generation works again for two rounds: `recovered`.
    pub returned: bool,
    /// Only configuration changed: `reclassified`.
    pub reconfigured: bool,
    /// Its pipelines have known runs: what the configuration ended of them is that a run breaks.
    pub still_runs: bool,
    /// The slot leaves: closes everything with this.
    pub leaves: Option<Closing>,
    /// `collector_failing` of its collector is open: another subject's finding that hides `unverified`.
    pub collector_failing: bool,
    /// Routes changed so that somebody new may hear of it (semantics 9.5); `plan` leaves out who heard before.
    pub rerouted: bool,
}

pub struct StepCx<'a> {
    pub subject: &'a Subject,
    pub happened: &'a Happened,
    pub team: Option<&'a TeamId>,
    /// First round of its collector (semantics 10): nothing is told now; the introduction tells it.
    pub silent: bool,
    pub now: At,
}

/// `known`: all episodes of the subject that matter: open ones, and closed ones (for n and for flapping).
/// Returns every episode that changed, each with the transition to tell, if any.
pub fn step(known: &[Episode], found: &[Finding], cx: &StepCx<'_>) -> Vec<(Episode, Option<Transition>)> {
    let found = if cx.happened.leaves.is_some() { &[] } else { found };
    let mut changed = Vec::new();
    for episode in known.iter().filter(|episode| episode.open()) {
        match found.iter().find(|finding| is_about(episode, finding)) {
            Some(finding) => changed.extend(go_on(episode, finding, cx)),
            None => changed.extend(fall_silent(episode, found, cx)),
        }
    }
    for (nth, finding) in found.iter().enumerate() {
        let twice = found[..nth].iter().any(|earlier| identity(earlier) == identity(finding));
        if !twice && !known.iter().any(|episode| episode.open() && is_about(episode, finding)) {
            changed.push(open(known, finding, cx));
        }
    }
    changed
}

/// Marks open episodes of warning and critical that were opened in silence as told: the introduction (semantics 10).
/// Empty: nothing to send.
pub fn introduce(open: &[Episode], now: At) -> Vec<(Episode, Transition)> {
    let untold = open.iter().filter(|episode| episode.open() && episode.told.is_none());
    untold
        .filter(|episode| episode.severity >= Severity::Warning)
        .map(|episode| {
            let mut episode = episode.clone();
            tell(&mut episode, now);
            (episode, Transition::Opened)
        })
        .collect()
}

/// Whether the end of a generation is the good end of one that nobody used (semantics 9.4).
pub fn is_removal(known: &[Episode], ended: &Finding) -> bool {
    let gone = matches!(ended.kind, FindingKind::Revoked | FindingKind::Vanished);
    let unused = |episode: &Episode| {
        let removed = matches!(episode.state, EpisodeState::Open | EpisodeState::Closed { how: Closing::Removed, .. });
        episode.kind == FindingKind::Unused && episode.generation == ended.generation && removed
    };
    gone && known.iter().any(unused)
}

/// When time alone makes something to tell of an open episode: its next reminder, or the end of a flapping one's quiet
/// day (semantics 9.3).
pub fn next_reminder(episode: &Episode) -> Option<At> {
    if !episode.open() {
        return None;
    }
    if episode.flapping
        && let Some(quiet) = episode.quiet_since
    {
        return Some(quiet + QUIET);
    }
    Some(episode.told? + pause(episode, episode.reminders)?)
}

/// Time from the last word to the reminder after `told` reminders. A warning without a date is reminded of in digests
/// only.
fn pause(episode: &Episode, told: u32) -> Option<TimeDelta> {
    match (episode.severity, told) {
        (Severity::Critical, 0) => Some(TimeDelta::days(1)),
        (Severity::Critical, 1) => Some(TimeDelta::days(2)),
        (Severity::Critical, 2) => Some(TimeDelta::days(4)),
        (Severity::Critical, _) => Some(TimeDelta::weeks(1)),
        (Severity::Warning, _) if episode.finding.due.is_some() => Some(TimeDelta::weeks(1)),
        _ => None,
    }
}

/// The number of the latest reminder reached; those that passed unseen are skipped, not told one by one.
fn reminder_reached(episode: &Episode, now: At) -> Option<u32> {
    let mut due = episode.told?;
    let mut reached = episode.reminders;
    while let Some(pause) = pause(episode, reached) {
        due += pause;
        if due > now {
            break;
        }
        reached += 1;
    }
    (reached > episode.reminders).then_some(reached)
}

fn identity(finding: &Finding) -> (FindingKind, Option<&str>) {
    (finding.kind, finding.generation.as_deref().filter(|_| !finding.kind.outlives_generation()))
}

fn is_about(episode: &Episode, finding: &Finding) -> bool {
    (episode.kind, episode.generation.as_deref()) == identity(finding)
}

/// The finding stands still: a more urgent rung, a rise, a reminder, a new reader; one of them, or nothing to say.
fn go_on(episode: &Episode, finding: &Finding, cx: &StepCx<'_>) -> Option<(Episode, Option<Transition>)> {
    let mut next = episode.clone();
    next.severity = episode.severity.max(finding.severity);
    next.finding = Finding { severity: next.severity, ..finding.clone() };
    next.team = cx.team.cloned();
    next.quiet_since = None;
    let rung = finding.rung.filter(|rung| episode.rung.is_none_or(|told| rung.before < told.before));
    next.rung = rung.or(episode.rung);

    let transition = tells(&next, cx).then(|| reason_to_speak(episode, &next, rung, cx)).flatten();
    if let Some(transition) = &transition {
        next.reminders = match transition {
            Transition::Reminder(nth) => *nth,
            Transition::Reassigned => next.reminders,
            _ => 0,
        };
        tell(&mut next, cx.now);
    }
    (next != *episode).then_some((next, transition))
}

fn reason_to_speak(before: &Episode, after: &Episode, rung: Option<Rung>, cx: &StepCx<'_>) -> Option<Transition> {
    if let Some(rung) = rung {
        return Some(Transition::Rung(rung));
    }
    if after.severity > before.severity {
        return Some(Transition::Raised(after.severity));
    }
    if before.told.is_none() {
        return Some(Transition::Opened);
    }
    if let Some(nth) = reminder_reached(after, cx.now) {
        return Some(Transition::Reminder(nth));
    }
    (cx.happened.rerouted || before.team != after.team).then_some(Transition::Reassigned)
}

/// Info is never told; what opened in silence waits for the introduction.
fn tells(episode: &Episode, cx: &StepCx<'_>) -> bool {
    episode.severity >= Severity::Warning && !(cx.silent && episode.told.is_none())
}

fn tell(episode: &mut Episode, now: At) {
    episode.told = Some(now);
    episode.seq += 1;
}

fn open(known: &[Episode], finding: &Finding, cx: &StepCx<'_>) -> (Episode, Option<Transition>) {
    let earlier = || known.iter().filter(|episode| is_about(episode, finding));
    let last = earlier().max_by_key(|episode| episode.nth);
    if let Some(resumed) = last.and_then(|last| resume(last, cx.now)) {
        return go_on(&resumed, finding, cx).unwrap_or((resumed, None));
    }
    let nth = last.map_or(0, |last| last.nth + 1);
    let (kind, generation) = identity(finding);
    let recent = earlier().filter(|episode| episode.since > cx.now - QUIET).count();
    let mut episode = Episode {
        id: ids::episode(cx.subject, kind, generation, nth),
        subject: cx.subject.clone(),
        kind,
        generation: generation.map(Into::into),
        nth,
        since: cx.now,
        finding: finding.clone(),
        severity: finding.severity,
        rung: finding.rung,
        told: None,
        reminders: 0,
        team: cx.team.cloned(),
        state: EpisodeState::Open,
        seq: 0,
        flapping: recent + 1 >= FLAPS,
        quiet_since: None,
    };
    let told = tells(&episode, cx);
    if told {
        tell(&mut episode, cx.now);
    }
    (episode, told.then_some(Transition::Opened))
}

/// Undoing a mistake in the configuration takes the same episode up again (semantics 9.5).
fn resume(last: &Episode, now: At) -> Option<Episode> {
    match last.state {
        EpisodeState::Closed { how: Closing::Reclassified, at } if now - at < RESUMES => {
            Some(Episode { state: EpisodeState::Open, quiet_since: None, ..last.clone() })
        }
        _ => None,
    }
}

/// The finding is gone: the episode closes, or, while it flaps, stays open until a quiet day has passed.
fn fall_silent(episode: &Episode, found: &[Finding], cx: &StepCx<'_>) -> Option<(Episode, Option<Transition>)> {
    let for_good = cx.happened.leaves.is_some() || cx.happened.rotated || cx.happened.reconfigured;
    if episode.flapping && !for_good {
        match episode.quiet_since {
            None => return Some((Episode { quiet_since: Some(cx.now), ..episode.clone() }, None)),
            Some(quiet) if cx.now - quiet < QUIET => return None,
            Some(_) => {}
        }
    }
    let how = closings::how(episode, found, cx.happened);
    let mut next = Episode { state: EpisodeState::Closed { how, at: cx.now }, ..episode.clone() };
    // A rotation that the pipelines did not take up is no good news: `not_injected` carries the talk on.
    let carried_on = how == Closing::Rotated && found.iter().any(|finding| finding.kind == FindingKind::NotInjected);
    if episode.told.is_none() || closings::silent(how) || carried_on {
        return Some((next, None));
    }
    tell(&mut next, cx.now);
    Some((next, Some(Transition::Closed(how))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::finding::Why;
    use crate::domain::key::TokenKey;

    use FindingKind as Kind;
    use Severity::{Critical, Info, Warning};

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> At {
        At::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }
    fn finding(kind: Kind, severity: Severity) -> Finding {
        let mut finding = Finding::new(kind, severity, Why::Plain);
        finding.generation = Some("g1".into());
        finding
    }
    /// A rung of a fixed end, ten days after the start of the test.
    fn rung(days: i64, severity: Severity) -> Finding {
        let mut finding = finding(Kind::ExpiresSoon, severity);
        finding.due = Some(at(10 * DAY));
        finding.rung = Some(Rung { before: (days * DAY) as u32, at: at((10 - days) * DAY), sixtieths: 0 });
        finding
    }
    fn rotated() -> Happened {
        Happened { rotated: true, ..Happened::default() }
    }

    /// A slot that remembers its episodes and writes down what was told.
    struct Slot {
        known: Vec<Episode>,
        team: Option<TeamId>,
        silent: bool,
        subject: Subject,
    }
    impl Slot {
        fn new() -> Self {
            let subject = Subject::Token(TokenKey::new("vault".into(), "service", "root", "ci"));
            Self { known: Vec::new(), team: None, silent: false, subject }
        }
        fn step(&mut self, now: At, found: &[Finding], happened: &Happened) -> Vec<(Episode, Option<Transition>)> {
            let team = self.team.as_ref();
            let cx = StepCx { subject: &self.subject, happened, team, silent: self.silent, now };
            let changed = step(&self.known, found, &cx);
            for (episode, _) in &changed {
                match self.known.iter_mut().find(|known| known.id == episode.id) {
                    Some(known) => *known = episode.clone(),
                    None => self.known.push(episode.clone()),
                }
            }
            changed
        }
        /// What was told, as `kind transition`.
        fn told(&mut self, seconds: i64, found: &[Finding], happened: &Happened) -> Vec<String> {
            let changed = self.step(at(seconds), found, happened);
            let say = |(episode, transition): (Episode, Option<Transition>)| {
                transition.map(|transition| format!("{} {}", episode.kind, transition.as_key()))
            };
            changed.into_iter().filter_map(say).collect()
        }
        fn tell(&mut self, seconds: i64, found: &[Finding]) -> Vec<String> {
            self.told(seconds, found, &Happened::default())
        }
        fn closed(&self, kind: Kind) -> Vec<Closing> {
            let how = |episode: &Episode| match episode.state {
                EpisodeState::Closed { how, .. } => Some(how),
                EpisodeState::Open => None,
            };
            self.known.iter().filter(|episode| episode.kind == kind).filter_map(how).collect()
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn rule_9_3_warning_and_critical_are_told_at_once_and_info_is_not() {
        let mut slot = Slot::new();
        let found =
            [finding(Kind::NeverExpires, Warning), finding(Kind::Revoked, Critical), finding(Kind::Unused, Info)];
        assert_eq!(slot.tell(0, &found), ["never_expires opened", "revoked opened"]);
        assert_eq!(slot.tell(60, &found), NOTHING);
        assert_eq!(slot.known.len(), 3);
    }

    #[test]
    fn rule_7_1_a_rung_is_told_when_it_is_more_urgent() {
        let mut slot = Slot::new();
        assert_eq!(slot.tell(0, &[rung(30, Info)]), NOTHING);
        assert_eq!(slot.tell(3 * DAY, &[rung(7, Warning)]), ["expires_soon rung:604800"]);
        assert_eq!(slot.tell(7 * DAY, &[rung(3, Warning)]), ["expires_soon rung:259200"]);
        // The expiry moved later, inside the ladder: told rungs stay told (7.3).
        assert_eq!(slot.tell(8 * DAY, &[rung(7, Warning)]), NOTHING);
        assert_eq!(
            slot.tell(9 * DAY, &[rung(1, Critical)]),
            ["expires_soon rung:86400"],
            "one word, not rung and rise"
        );
    }

    #[test]
    fn rule_7_1_after_downtime_only_the_most_urgent_once() {
        let mut slot = Slot::new();
        assert_eq!(slot.tell(0, &[rung(7, Warning)]), ["expires_soon opened"]);
        assert_eq!(slot.tell(9 * DAY, &[rung(1, Critical)]), ["expires_soon rung:86400"]);
    }

    #[test]
    fn rule_7_5_severity_only_rises() {
        let mut slot = Slot::new();
        slot.tell(0, &[finding(Kind::CollectorFailing, Warning)]);
        assert_eq!(slot.tell(60, &[finding(Kind::CollectorFailing, Critical)]), ["collector_failing raised:critical"]);
        assert_eq!(slot.tell(120, &[finding(Kind::CollectorFailing, Warning)]), NOTHING);
        assert_eq!((slot.known[0].severity, slot.known[0].finding.severity), (Critical, Critical));
    }

    #[test]
    fn rule_1_8_a_rotation_closes_as_rotated() {
        let mut slot = Slot::new();
        slot.tell(0, &[finding(Kind::Revoked, Critical), finding(Kind::RotationMissed, Warning)]);
        let told = slot.told(60, &[], &rotated());
        assert_eq!(told, ["revoked closed:rotated", "rotation_missed closed:rotated"]);
    }

    #[test]
    fn a_rotation_that_is_not_injected_is_no_good_news() {
        let mut slot = Slot::new();
        slot.tell(0, &[rung(7, Warning)]);
        let told = slot.told(60, &[finding(Kind::NotInjected, Warning)], &rotated());
        assert_eq!(told, ["not_injected opened"]);
        assert_eq!(slot.closed(Kind::ExpiresSoon), [Closing::Rotated]);
    }

    #[test]
    fn rule_8_superseded_and_reclassified_are_silent() {
        let mut slot = Slot::new();
        slot.tell(0, &[rung(1, Critical), finding(Kind::NeverExpires, Warning)]);
        assert_eq!(slot.tell(60, &[finding(Kind::Expired, Critical)]), ["expired opened"]);
        assert_eq!(slot.closed(Kind::ExpiresSoon), [Closing::Superseded]);
        assert_eq!(slot.closed(Kind::NeverExpires), [Closing::Superseded]);
        let reconfigured = Happened { reconfigured: true, ..Happened::default() };
        assert_eq!(slot.told(120, &[], &reconfigured), NOTHING);
        assert_eq!(slot.closed(Kind::Expired), [Closing::Reclassified]);
    }

    #[test]
    fn rule_8_a_failing_collector_hides_unverified() {
        let mut slot = Slot::new();
        slot.tell(0, &[finding(Kind::Unverified, Warning)]);
        let hidden = Happened { collector_failing: true, ..Happened::default() };
        assert_eq!(slot.told(60, &[], &hidden), NOTHING);
        assert_eq!(slot.closed(Kind::Unverified), [Closing::Superseded]);
    }

    #[test]
    fn rule_8_other_reasons_by_row() {
        let extended = Happened { extended: true, ..Happened::default() };
        let returned = Happened { returned: true, ..Happened::default() };
        let calm = Happened::default();
        for (kind, happened, how) in [
            (Kind::ExpiresSoon, &extended, "extended"),
            (Kind::Expired, &extended, "extended"),
            (Kind::Expired, &returned, "recovered"),
            (Kind::Revoked, &extended, "recovered"),
            (Kind::Vanished, &returned, "recovered"),
            (Kind::Unverified, &calm, "recovered"),
            (Kind::CollectorFailing, &calm, "recovered"),
            (Kind::NeverExpires, &rotated(), "rotated"),
            (Kind::NeverExpires, &calm, "fixed"),
            (Kind::TooLongLived, &calm, "fixed"),
            (Kind::OverScoped, &rotated(), "rotated"),
            (Kind::NotInjected, &rotated(), "fixed"),
            (Kind::OldGenerationAlive, &calm, "fixed"),
        ] {
            let mut slot = Slot::new();
            slot.tell(0, &[finding(kind, Warning)]);
            assert_eq!(slot.told(60, &[], happened), [format!("{kind} closed:{how}")]);
        }
    }

    #[test]
    fn rule_9_3_a_closing_is_told_only_where_something_was() {
        let mut slot = Slot::new();
        slot.tell(0, &[finding(Kind::NeverExpires, Info)]);
        assert_eq!(slot.told(60, &[], &rotated()), NOTHING);
        assert_eq!(slot.closed(Kind::NeverExpires), [Closing::Rotated]);
    }

    #[test]
    fn rule_9_4_a_slot_that_leaves_takes_its_episodes_along() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Vanished, Critical)];
        slot.tell(0, &found);
        let leaves = Happened { leaves: Some(Closing::Abandoned), ..Happened::default() };
        assert_eq!(slot.told(30 * DAY, &found, &leaves), ["vanished closed:abandoned"]);
    }

    #[test]
    fn rule_9_1_opening_again_is_a_new_episode() {
        let mut slot = Slot::new();
        let found = [finding(Kind::OverScoped, Warning)];
        slot.tell(0, &found);
        let first = slot.known[0].id;
        slot.tell(3600, &[]);
        assert_eq!(slot.tell(40 * 3600, &found), ["over_scoped opened"]);
        assert_eq!((slot.known[1].nth, slot.known[1].id == first), (1, false));
        assert_eq!(slot.known[1].id, ids::episode(&slot.subject, Kind::OverScoped, Some("g1"), 1));
    }

    #[test]
    fn rule_9_1_unverified_leaves_the_generation_out() {
        let mut slot = Slot::new();
        let mut found = finding(Kind::Unverified, Warning);
        slot.tell(0, &[found.clone()]);
        found.generation = Some("g2".into());
        assert_eq!(slot.tell(60, &[found]), NOTHING);
        assert_eq!((slot.known.len(), slot.known[0].generation.clone()), (1, None));
    }

    #[test]
    fn rule_9_3_the_third_opening_within_a_day_is_flapping() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Unverified, Warning)];
        for hour in [0, 2] {
            assert_eq!(slot.tell(hour * 3600, &found), ["unverified opened"]);
            assert_eq!(slot.tell((hour + 1) * 3600, &[]), ["unverified closed:recovered"]);
        }
        assert_eq!(slot.tell(4 * 3600, &found), ["unverified opened"]);
        let flapping = |slot: &Slot| slot.known.iter().find(|episode| episode.nth == 2).cloned().unwrap();
        assert!(flapping(&slot).flapping);
        assert_eq!(slot.tell(5 * 3600, &[]), NOTHING);
        assert_eq!(next_reminder(&flapping(&slot)), Some(at(29 * 3600)));
        assert_eq!(slot.tell(6 * 3600, &found), NOTHING);
        assert_eq!(slot.tell(7 * 3600, &[]), NOTHING, "quiet from here");
        assert_eq!(slot.tell(31 * 3600 - 1, &[]), NOTHING);
        assert_eq!(slot.tell(31 * 3600, &[]), ["unverified closed:recovered"]);
    }

    #[test]
    fn rule_9_3_reminders() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Revoked, Critical), rung(7, Warning), finding(Kind::OverScoped, Warning)];
        slot.tell(0, &found);
        let mut reminded = Vec::new();
        for hour in 1..=24 * 16 {
            for what in slot.tell(hour * 3600, &found) {
                reminded.push(format!("{what} +{}d", hour / 24));
            }
        }
        assert_eq!(
            reminded,
            [
                "revoked reminder:1 +1d",
                "revoked reminder:2 +3d",
                "revoked reminder:3 +7d",
                "expires_soon reminder:1 +7d",
                "revoked reminder:4 +14d",
                "expires_soon reminder:2 +14d",
            ]
        );
    }

    #[test]
    fn rule_9_3_reminders_missed_in_a_downtime_are_one() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Revoked, Critical)];
        slot.tell(0, &found);
        assert_eq!(next_reminder(&slot.known[0]), Some(at(DAY)));
        assert_eq!(slot.tell(5 * DAY, &found), ["revoked reminder:2"]);
        assert_eq!(slot.tell(5 * DAY, &found), NOTHING);
    }

    #[test]
    fn rule_10_an_introduction_tells_what_was_opened_in_silence() {
        let mut slot = Slot { silent: true, ..Slot::new() };
        let found = [rung(7, Warning), finding(Kind::NeverExpires, Info)];
        assert_eq!(slot.tell(0, &found), NOTHING);
        let introduced = introduce(&slot.known, at(5));
        assert_eq!(introduced.len(), 1);
        assert_eq!((introduced[0].0.told, introduced[0].0.seq), (Some(at(5)), 1));
        slot.known.retain(|episode| episode.id != introduced[0].0.id);
        slot.known.push(introduced[0].0.clone());
        slot.silent = false;
        assert_eq!(slot.tell(60, &found), NOTHING, "counts as told");
        assert_eq!(introduce(&slot.known, at(90)), []);
        assert_eq!(slot.tell(7 * DAY, &[rung(3, Warning)]), ["expires_soon rung:259200"]);
    }

    #[test]
    fn rule_9_5_a_new_team_is_told_once() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Revoked, Critical), finding(Kind::Unused, Info)];
        slot.tell(0, &found);
        slot.team = Some("platform".into());
        assert_eq!(slot.tell(60, &found), ["revoked reassigned"]);
        assert_eq!(slot.tell(120, &found), NOTHING);
    }

    #[test]
    fn rule_9_5_undoing_a_mistake_resumes() {
        let mut slot = Slot::new();
        let found = [finding(Kind::Revoked, Critical)];
        slot.tell(0, &found);
        let leaves = Happened { leaves: Some(Closing::Reclassified), ..Happened::default() };
        assert_eq!(slot.told(60, &found, &leaves), NOTHING);
        assert_eq!(slot.tell(120, &found), NOTHING, "told rungs stay told");
        assert!(slot.known.len() == 1 && slot.known[0].open());
    }

    fn any_found() -> impl Strategy<Value = Vec<Finding>> {
        let kinds = prop::sample::select(vec![Kind::ExpiresSoon, Kind::Expired, Kind::OverScoped, Kind::Unverified]);
        let severity = prop::sample::select(vec![Info, Warning, Critical]);
        let rungs = prop::option::of(1i64..30);
        let one = (kinds, severity, 1..3u8, rungs).prop_map(|(kind, severity, generation, days)| {
            let mut found = finding(kind, severity);
            found.generation = Some(format!("g{generation}").into());
            if kind == Kind::ExpiresSoon {
                found.rung = days.and_then(|days| rung(days, severity).rung);
            }
            found
        });
        prop::collection::vec(one, 0..4)
    }
    fn any_happened() -> impl Strategy<Value = Happened> {
        (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::weighted(0.1, Just(Closing::Removed))).prop_map(
            |(rotated, extended, reconfigured, leaves)| Happened {
                rotated,
                extended,
                reconfigured,
                leaves,
                ..Happened::default()
            },
        )
    }

    proptest! {
        /// Steps in any order: twice the same is once; rungs and severity only rise; nothing closes aloud that was
        /// never told; one open episode an identity; numbers of intents only rise.
        #[test]
        fn rules_7_and_9_hold_for_any_history(
            rounds in prop::collection::vec((any_found(), any_happened(), 1..200_000i64, any::<bool>()), 1..20)
        ) {
            let mut slot = Slot::new();
            let mut now = 0;
            for (found, happened, later, silent) in rounds {
                now += later;
                slot.silent = silent;
                let before = slot.known.clone();
                let changed = slot.step(at(now), &found, &happened);
                for (after, transition) in &changed {
                    let before = before.iter().find(|episode| episode.id == after.id);
                    let told_before = before.is_some_and(|before| before.told.is_some());
                    if let Some(before) = before {
                        prop_assert!(after.severity >= before.severity);
                        prop_assert!(after.rung.map(|rung| rung.before) <= before.rung.map(|rung| rung.before)
                            || before.rung.is_none());
                        prop_assert_eq!(after.seq, before.seq + u32::from(transition.is_some()));
                    }
                    if transition.as_ref().is_some_and(Transition::is_closing) {
                        prop_assert!(told_before);
                    }
                    if let Some(Transition::Rung(rung)) = transition {
                        let told = before.and_then(|before| before.rung);
                        prop_assert!(told.is_none_or(|told| rung.before < told.before));
                    }
                    prop_assert!(transition.is_none() || (after.severity >= Warning && after.told == Some(at(now))));
                }
                let again = slot.step(at(now), &found, &happened);
                prop_assert!(again.is_empty(), "{:?}", again);
                for finding in &found {
                    let open = slot.known.iter().filter(|episode| episode.open() && is_about(episode, finding)).count();
                    prop_assert_eq!(open, usize::from(happened.leaves.is_none()));
                }
            }
        }
    }
}
