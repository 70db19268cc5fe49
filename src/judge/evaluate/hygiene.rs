//! never_expires, too_long_lived, unused, over_scoped, unmanaged, unowned: what is wrong without a date.
//! Knows one slot and its policy; who is told is decided elsewhere.

use super::case::Case;
use super::rotation::never;
use super::watch::shift;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::token::Generation;

/// `never_expires`: silent where tokens cannot expire and a schedule gives them a deadline.
pub(super) fn never_expires(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let cannot = case.collector.is_some_and(|collector| !collector.tells_expiry);
    if !never(current) || cannot && case.policy.schedule.is_some() {
        return None;
    }
    let quiet = !case.managed() || case.token.own_login();
    let severity = if quiet { Severity::Info } else { Severity::Warning };
    let severity = allowed(case, FindingKind::NeverExpires, severity)?;
    Some(case.finding(FindingKind::NeverExpires, severity, Why::Plain, Some(current)))
}

/// `too_long_lived`: issued for longer than allowed, or older (semantics 5.7). An age grows, so the reason gives the
/// limit that it has passed.
pub(super) fn too_long_lived(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let most = case.policy.max_lifetime?;
    let lifetime = current.lifetime().filter(|&seconds| !current.sliding() && seconds > most);
    let why = match lifetime {
        Some(is) => Why::Lifetime { is, allowed: most, at_least: false },
        None => {
            let (anchor, _) = case.anchor(current.issued, Some(current.first_seen));
            if !case.watch.reached(shift(anchor, most.saturating_add(1))) {
                return None;
            }
            Why::Lifetime { is: most, allowed: most, at_least: true }
        }
    };
    let severity = allowed(case, FindingKind::TooLongLived, Severity::Warning)?;
    Some(case.finding(FindingKind::TooLongLived, severity, why, Some(current)))
}

/// `unused`: the latest instant at which it may have been used is too long ago, and it was watched as long (semantics 4.6,
/// 8). A token whose use is not told is not called unused.
pub(super) fn unused(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let (most, used) = (case.policy.unused_after?, current.last_used?);
    let from = shift(used.at, i64::from(used.granularity)).max(current.first_seen);
    if case.token.explicit() || !case.watch.reached(shift(from, most.saturating_add(1))) {
        return None;
    }
    let severity = allowed(case, FindingKind::Unused, Severity::Info)?;
    Some(case.finding(FindingKind::Unused, severity, Why::Plain, Some(current)))
}

/// `over_scoped`: holds a scope outside the policy's list.
pub(super) fn over_scoped(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let allow = case.policy.scopes_allow.as_ref()?;
    let is_outside = |scope: &&crate::domain::text::Text| !allow.iter().any(|allowed| allowed == scope.as_str());
    current.scopes.iter().find(is_outside)?;
    let severity = allowed(case, FindingKind::OverScoped, Severity::Warning)?;
    let outside = current.scopes.iter().filter(is_outside).cloned().collect();
    Some(case.finding(FindingKind::OverScoped, severity, Why::Scopes { outside }, Some(current)))
}

/// `unmanaged`: nobody wrote a policy that matches it, while policies are written.
pub(super) fn unmanaged(case: &Case<'_>) -> Option<Finding> {
    let open = !case.managed() && !case.policy.matched && case.rules.any_policy();
    open.then(|| case.finding(FindingKind::Unmanaged, Severity::Info, Why::Plain, None))
}

/// `unowned`: managed, and nobody's, while teams are named. (That no route would carry it is added by the world.)
pub(super) fn unowned(case: &Case<'_>) -> Option<Finding> {
    let open = case.managed() && case.token.team.is_none() && case.rules.any_team();
    open.then(|| case.finding(FindingKind::Unowned, Severity::Info, Why::Plain, None))
}

/// Severity under the policy's dated exceptions (semantics 8): none while one holds, warning after it.
fn allowed(case: &Case<'_>, kind: FindingKind, severity: Severity) -> Option<Severity> {
    match case.policy.allow.iter().find(|(allowed, ..)| *allowed == kind) {
        None => Some(severity),
        Some((_, until, _)) => case.watch.reached(*until).then_some(Severity::Warning),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::trial::{DAY, Trial, endless, lived, t};
    use super::*;
    use crate::domain::observation::Origin;

    fn policy(keys: Value) -> Value {
        let mut policy = json!({ "match": { "token": "**" }, "team": "platform" });
        for (key, value) in keys.as_object().unwrap() {
            policy[key] = value.clone();
        }
        let schedules = json!({ "s": { "every": "900d", "by": "hand" } });
        json!({ "schedules": schedules, "policies": [policy] })
    }
    fn why(trial: &Trial, now: i64) -> Why {
        trial.fresh(now).findings.remove(0).why
    }

    #[test]
    fn rule_8_never_expires() {
        let never = || vec![endless("a", -DAY)];
        assert_eq!(Trial::plain(never()).told(0), "never_expires warning");
        assert_eq!(Trial::unmanaged(never()).told(0), "never_expires info");
        let login = Trial::plain(never()).with(|slot| slot.origin = Origin::OwnLogin);
        assert_eq!(login.told(0), "never_expires info, unowned info");
        let stopped = Generation { hard_stop: Some(t(900 * DAY)), ..endless("a", -DAY) };
        assert_eq!(Trial::plain(vec![stopped]).told(0), "");
        assert_eq!(Trial::new(policy(json!({ "schedule": "s" })), never()).told(0), "never_expires warning");
    }

    #[test]
    fn a_key_that_cannot_expire_is_silent_under_a_schedule() {
        let keys = |rules: Value| {
            let trial = Trial::new(rules, vec![endless("a", -DAY)]);
            trial.collector(|collector| collector.tells_expiry = false).told(0)
        };
        assert_eq!(keys(policy(json!({}))), "never_expires warning");
        assert_eq!(keys(policy(json!({ "schedule": "s" }))), "");
    }

    #[test]
    fn rule_5_7_too_long_lived() {
        let most = |generation| Trial::new(policy(json!({ "max_lifetime": "365d" })), vec![generation]);
        assert_eq!(most(lived("a", 0, 365 * DAY)).told(0), "");
        let long = most(lived("a", 0, 365 * DAY + 1));
        assert_eq!(long.told(0), "too_long_lived warning");
        assert_eq!(why(&long, 0), Why::Lifetime { is: 365 * DAY + 1, allowed: 365 * DAY, at_least: false });
        let never = most(endless("a", 0));
        assert_eq!(never.told_fresh(365 * DAY), "never_expires warning");
        assert_eq!(never.told_fresh(365 * DAY + 1), "never_expires warning, too_long_lived warning");
        let unissued = most(Generation { issued: None, ..lived("a", 0, 900 * DAY) });
        assert_eq!(unissued.told_fresh(365 * DAY), "");
        assert_eq!(unissued.told_fresh(365 * DAY + 1), "too_long_lived warning");
        assert_eq!(why(&unissued, 366 * DAY), Why::Lifetime { is: 365 * DAY, allowed: 365 * DAY, at_least: true });
    }

    #[test]
    fn rule_8_over_scoped() {
        let scoped = |scopes: &[&str]| {
            let scopes = scopes.iter().map(|&scope| scope.into()).collect();
            let rules = policy(json!({ "scopes": { "allow": ["read_registry", "read_api"] } }));
            Trial::new(rules, vec![Generation { scopes, ..lived("a", 0, 300 * DAY) }])
        };
        assert_eq!(scoped(&["read_api"]).told(0), "");
        let wide = scoped(&["read_api", "api", "sudo"]);
        assert_eq!(wide.told(0), "over_scoped warning");
        assert_eq!(why(&wide, 0), Why::Scopes { outside: vec!["api".into(), "sudo".into()] });
    }

    #[test]
    fn rule_8_unused_after_the_last_use_and_as_long_a_watch() {
        let unused = |used: i64, first_seen: i64| {
            let generation = Generation { first_seen: t(first_seen), ..lived("a", -300 * DAY, 300 * DAY).used(used) };
            Trial::new(policy(json!({ "unused_after": "90d" })), vec![generation])
        };
        let long_watched = unused(0, -200 * DAY);
        assert_eq!(long_watched.told_fresh(90 * DAY + 600), "", "used at T0, or up to ten minutes later");
        assert_eq!(long_watched.told_fresh(90 * DAY + 601), "unused info");
        assert_eq!(long_watched.fresh(90 * DAY).next_change, Some(t(90 * DAY + 601)));
        let found = unused(-200 * DAY, 0);
        assert_eq!(found.told_fresh(90 * DAY), "", "seen for the first time at T0");
        assert_eq!(found.told_fresh(90 * DAY + 1), "unused info");
        let never_told = lived("a", -300 * DAY, 300 * DAY);
        assert_eq!(Trial::new(policy(json!({ "unused_after": "90d" })), vec![never_told]).told_fresh(200 * DAY), "");
        assert_eq!(
            Trial::plain(vec![lived("a", -300 * DAY, 300 * DAY).used(-200 * DAY)]).told_fresh(0),
            "",
            "off unless set"
        );
    }

    #[test]
    fn rule_4_6_what_asks_about_itself_has_no_last_use() {
        let generation = Generation { first_seen: t(-300 * DAY), ..lived("a", -300 * DAY, 300 * DAY).used(-200 * DAY) };
        let trial = Trial::new(policy(json!({ "unused_after": "90d" })), vec![generation]);
        assert_eq!(trial.told_fresh(0), "unused info");
        assert_eq!(trial.with(|slot| slot.origin = Origin::Inspect).told_fresh(0), "");
    }

    #[test]
    fn rule_8_unused_may_be_excepted_until_a_day() {
        let allow = json!([{ "finding": "unused", "until": "2026-12-01", "because": "runs once a year" }]);
        let generation = Generation { first_seen: t(-300 * DAY), ..lived("a", -300 * DAY, 300 * DAY).used(-200 * DAY) };
        let trial = Trial::new(policy(json!({ "unused_after": "90d", "allow": allow })), vec![generation]);
        assert_eq!(trial.told_fresh(0), "");
        assert_eq!(trial.told_fresh(8 * DAY), "unused warning");
    }

    #[test]
    fn rule_8_dated_exceptions() {
        let allow = json!([{ "finding": "never_expires", "until": "2026-12-01", "because": "OPS-12" }]);
        let trial = Trial::new(policy(json!({ "allow": allow })), vec![endless("a", -DAY)]);
        let last = 8 * DAY - (9 * 3600 + 40 * 60);
        assert_eq!(trial.told_fresh(0), "");
        assert_eq!(trial.told_fresh(last - 1), "", "the day itself is still excepted");
        assert_eq!(trial.told_fresh(last), "never_expires warning");
        let login = trial.with(|slot| slot.origin = Origin::OwnLogin);
        assert_eq!(login.told_fresh(last), "never_expires info, unowned info", "no policy names the login");
    }

    #[test]
    fn rule_8_unmanaged_only_while_policies_are_written() {
        let generation = || vec![lived("a", 0, 300 * DAY)];
        let rules = |matches: Value| json!({ "policies": [{ "match": matches, "runbook": "https://x" }] });
        assert_eq!(Trial::unmanaged(generation()).told(0), "");
        assert_eq!(Trial::new(rules(json!({ "name": "other" })), generation()).told(0), "unmanaged info");
        assert_eq!(Trial::new(rules(json!({ "name": "renovate" })), generation()).told(0), "");
        let explicit = Trial::new(rules(json!({ "name": "other" })), generation());
        assert_eq!(explicit.with(|slot| slot.origin = Origin::Inspect).told(0), "");
        let house = json!({ "policies": [{ "max_lifetime": "900d" }] });
        assert_eq!(Trial::new(house, generation()).told(0), "", "defaults of the house match nobody");
    }

    #[test]
    fn rule_8_unowned_only_while_teams_are_named() {
        let rules = |teams: Value| {
            let policies = json!([{ "match": { "name": "*" }, "pipelines": ["p"] }]);
            json!({ "teams": teams, "pipelines": { "p": {} }, "policies": policies })
        };
        let generation = || vec![lived("a", 0, 300 * DAY)];
        assert_eq!(Trial::new(rules(json!(["platform"])), generation()).told(0), "unowned info");
        assert_eq!(Trial::new(rules(json!([])), generation()).told(0), "");
        let nobody = json!({ "teams": ["platform"], "policies": [{ "match": { "name": "other" } }] });
        assert_eq!(Trial::new(nobody, generation()).told(0), "unmanaged info", "unowned is silent while unmanaged");
    }

    #[test]
    fn what_is_not_watched_is_judged_by_nothing() {
        let rules = policy(json!({ "watch": false, "max_lifetime": "1d" }));
        let judged = Trial::new(rules, vec![lived("a", -300 * DAY, 60)]).judge(0);
        assert_eq!((judged.findings.as_slice(), judged.deadline), ([].as_slice(), None));
        assert_eq!(judged.state, crate::domain::finding::TokenState::Ok);
        let rules = policy(json!({ "watch": false }));
        let over = Trial::new(rules, vec![lived("a", -300 * DAY, 60)]).judge(60);
        assert_eq!(
            (over.findings.as_slice(), over.state),
            ([].as_slice(), crate::domain::finding::TokenState::Expired)
        );
    }
}
