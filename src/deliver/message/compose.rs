//! From a group of intents to one message: which of them heads it, what the others become.
//!
//! One token: its most severe finding whole, the others as lines. Several: a list. Closings never head an open finding.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::head::{self, Head};
use super::listing::{self, Item};
use super::{ComposeCx, Line, Message, SUBJECT_PREFIX, Span, closing, parts};
use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::episode::Transition;
use crate::domain::finding::Severity;

/// One message for one reader, headed by the most severe. Relative times are as of `now`.
pub fn compose(group: &[Intent], now: At, cx: &ComposeCx) -> Message {
    let mut order: Vec<&Intent> = group.iter().collect();
    order.sort_by_key(|intent| urgency(intent));
    let mut tokens: Vec<Vec<&Intent>> = Vec::new();
    for intent in &order {
        match tokens.iter_mut().find(|of| of[0].facts.token == intent.facts.token) {
            Some(of) => of.push(intent),
            None => tokens.push(vec![intent]),
        }
    }
    let mut message = match tokens.as_slice() {
        [] => nothing(),
        [one] => token(one, now, cx),
        _ => several(&tokens, now),
    };
    message.data = data(&order);
    message
}

/// Open before closed, severe before mild, early before late; then stable by name.
fn urgency(intent: &Intent) -> (bool, Reverse<Severity>, At, String, crate::domain::finding::FindingKind) {
    let due = intent.episode.finding.due.unwrap_or(At::MAX_UTC);
    let severity = Reverse(intent.episode.severity);
    (intent.transition.is_closing(), severity, due, intent.facts.token.clone(), intent.episode.kind)
}

/// The head of an intent, whatever its transition.
fn head_of(intent: &Intent, now: At) -> Head {
    match intent.transition {
        Transition::Closed(how) => closing::head(intent, how, now),
        Transition::Opened
        | Transition::Rung(_)
        | Transition::Raised(_)
        | Transition::Reminder(_)
        | Transition::Reassigned => head::open(intent, now),
    }
}

/// All there is to say about one token.
fn token(intents: &[&Intent], now: At, cx: &ComposeCx) -> Message {
    let first = intents[0];
    let head = head_of(first, now);
    let mut lines = match first.transition {
        Transition::Closed(how) => closing::lines(first, how, now),
        _ => parts::lines(first, now),
    };
    lines.extend(others(&head, &intents[1..], now));
    if first.introduction {
        let looked = listing::looked_at(intents.iter().copied());
        lines.push(Line { lead: None, text: vec![Span::Plain(format!("This is from the {looked}"))] });
    }
    let closed = first.transition.is_closing();
    Message {
        subject: subject(first, &head, now),
        mark: head.mark.clone(),
        relative: head.relative.clone().filter(|_| !closed),
        headline: head.headline.clone(),
        lines,
        groups: Vec::new(),
        small_print: if closed { vec![first.episode.id.code().into()] } else { parts::small_print(first, now) },
        page: parts::page(first, cx),
        one_liners: vec![listing::one_liner(first, &head, now)],
        severity: if closed { Severity::Info } else { first.episode.severity },
        closing: closed,
        thread: first.episode.thread(),
        reply_to_subject: closed.then(|| earlier_subject(first)),
        event: event(first),
        data: Value::Null,
    }
}

fn subject(intent: &Intent, head: &Head, now: At) -> String {
    match parts::breaks_tail(intent, now) {
        Some(tail) if !intent.transition.is_closing() => format!("{SUBJECT_PREFIX}{}, {tail}", head.subject),
        _ => format!("{SUBJECT_PREFIX}{}", head.subject),
    }
}

/// The subject of what was last told of this episode, so that a closing joins its thread.
fn earlier_subject(intent: &Intent) -> String {
    let told = intent.episode.told.unwrap_or(intent.episode.since);
    let mut then = intent.clone();
    then.transition = Transition::Opened;
    // What was told spoke of the value and the run of then, and the facts speak of those of now.
    if let Some(before) = &intent.facts.before {
        (then.facts.ends, then.facts.never, then.facts.rotation_due) = (before.ends, before.never, None);
    }
    (then.facts.first_run, then.facts.next_run) = (None, None);
    subject(&then, &head::open(&then, told), told)
}

/// Further findings of the same token: one line each, said once.
fn others(head: &Head, intents: &[&Intent], now: At) -> Vec<Line> {
    let mut said = vec![super::plain(&head.headline)];
    let mut lines = Vec::new();
    for intent in intents {
        let other = head_of(intent, now);
        let text = super::plain(&other.headline);
        if said.contains(&text) {
            continue;
        }
        said.push(text);
        let mut spans = vec![Span::Plain("Also: ".into()), Span::Strong(other.mark), Span::Apart];
        spans.extend(other.headline);
        spans.extend([Span::Apart, Span::Plain(intent.episode.id.code())]);
        lines.push(Line { lead: None, text: spans });
    }
    lines
}

fn several(tokens: &[Vec<&Intent>], now: At) -> Message {
    let items: Vec<Item<'_>> =
        tokens.iter().map(|of| Item { intent: of[0], head: head_of(of[0], now), others: of.len() - 1 }).collect();
    let listing = listing::listing(&items, now);
    let closed = items.iter().all(|item| item.intent.transition.is_closing());
    let severity = listing.one_liners[0].severity;
    let introduction = items.iter().any(|item| item.intent.introduction);
    Message {
        subject: listing.subject,
        headline: listing.headline,
        lines: listing.lines,
        one_liners: listing.one_liners,
        closing: closed,
        event: if introduction { "introduction".into() } else { "several".into() },
        ..Message::of("", severity)
    }
}

/// A group without intents is nobody's wish; it still gets words instead of a panic.
fn nothing() -> Message {
    Message::of("nothing to tell", Severity::Info)
}

fn event(intent: &Intent) -> String {
    format!("{}.{}", intent.episode.kind, transition_name(&intent.transition))
}

fn transition_name(transition: &Transition) -> &'static str {
    match transition {
        Transition::Opened => "opened",
        Transition::Rung(_) => "rung",
        Transition::Raised(_) => "raised",
        Transition::Reminder(_) => "reminder",
        Transition::Reassigned => "reassigned",
        Transition::Closed(_) => "closed",
    }
}

/// One object an intent, absolute times only: a frozen body stays true however late it is sent.
pub fn data(intents: &[&Intent]) -> Value {
    json!({ "items": intents.iter().map(|intent| item(intent)).collect::<Vec<_>>() })
}

fn item(intent: &Intent) -> Value {
    let (episode, facts) = (&intent.episode, &intent.facts);
    let closed = match intent.transition {
        Transition::Closed(how) => Some(how),
        _ => None,
    };
    json!({
        "episode": episode.id,
        "code": episode.id.code(),
        "thread": episode.thread().replace('\u{1f}', "|"),
        "finding": episode.kind,
        "transition": transition_name(&intent.transition),
        "closed": closed,
        "severity": episode.severity,
        "at": intent.at,
        "since": episode.since,
        "due": episode.finding.due,
        "rung_seconds": episode.finding.rung.map(|rung| rung.before),
        "why": episode.finding.why,
        "token": facts.token,
        "collector": facts.collector,
        "issuer": facts.issuer,
        "kind": facts.kind,
        "team": facts.team,
        "owner": facts.owner,
        "schedule": facts.schedule,
        "pipelines": parts::pipelines(intent),
        "ends": facts.ends,
        "never": facts.never,
        "rotation_due": facts.rotation_due,
        "read_at": facts.read_at,
        "runbook": facts.runbook,
        "introduction": intent.introduction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::message::samples::{at, blind, expires_soon, intent, revoked, rotated, whys};
    use crate::deliver::message::{plain, words};
    use crate::domain::delivery::Before;
    use crate::domain::episode::{Closing, Subject};
    use crate::domain::finding::{FindingKind, Rung, Why};

    fn composed(intents: &[Intent], now: &str) -> Message {
        compose(intents, at(now), &ComposeCx::default())
    }
    fn lines(message: &Message) -> String {
        let line = |line: &Line| format!("{}: {}\n", line.lead.unwrap_or("-"), plain(&line.text));
        format!(
            "{}: {}\n{}",
            message.mark,
            plain(&message.headline),
            message.lines.iter().map(line).collect::<String>()
        )
    }
    fn small(message: &Message) -> Vec<&str> {
        message.small_print.iter().map(|note| note.short.as_str()).collect()
    }
    fn stdout(message: &Message) -> String {
        message.one_liners.iter().map(|line| format!("{:<9} {}\n", line.severity.as_str(), line.text)).collect()
    }

    #[test]
    fn a_rung_is_told_as_in_the_sample() {
        let message = composed(&[expires_soon()], "2026-11-24 09:00");
        assert_eq!(
            message.subject,
            "[forewarn] 7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod"
        );
        insta::assert_snapshot!(lines(&message), @r"
        7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC
        Breaks: deploy-prod: first run after it Tue 1 Dec 02:00 UTC
        Do: rotate it, then replace RENOVATE_TOKEN in github example/shop · how to · open in GitLab
        Whose: platform · last rotated 2 Sep 2026, by hand
        Next: Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)
        ");
        assert_eq!(message.relative.as_deref(), Some("in 6 days 15 hours"));
        assert_eq!(small(&message), ["step 7d of 14/7/3/1", "read 4 min ago", "R7K2"]);
    }

    #[test]
    fn a_revoked_token_is_told_as_in_the_sample() {
        let message = composed(&[revoked()], "2026-11-24 09:01");
        assert_eq!(message.subject, "[forewarn] REVOKED: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC");
        insta::assert_snapshot!(lines(&message), @r"
        Revoked: keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027
        Breaks: deploy-prod in 3 h: the run of Tue 24 Nov 12:00 UTC will fail
        Do: issue a new one and replace its copies (2 known), or hold the run · how to · open in Keycloak
        Whose: identity · told too: oncall (a run is ahead)
        Next: again Wed 25 Nov 09:01 UTC, then after 3 and 7 days
        ");
        assert_eq!(
            small(&message),
            ["seen working 08:46, not working 09:01 UTC; the issuer does not say who or why", "M2Q9"]
        );
    }

    #[test]
    fn rule_1_8_a_rotation_says_new_and_old_end_and_what_became_of_the_old_value() {
        let message = composed(&[rotated()], "2026-11-25 10:00");
        assert_eq!(
            message.reply_to_subject.as_deref(),
            Some("[forewarn] 7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod")
        );
        insta::assert_snapshot!(lines(&message), @r"
        Closed, rotated: gitlab/platform/renovate is good until Mon 1 Mar 2027 00:00 UTC (was 1 Dec 2026)
        -: Copies: 1 of 1 replaced after the rotation · old value: revoked by the issuer
        Next: rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan
        ");
        assert_eq!(small(&message), ["R7K2"]);
        assert!(message.closing);
    }

    #[test]
    fn rule_1_8_the_old_value_is_never_passed_over() {
        let end = Some(at("2026-12-01 00:00"));
        let table = [
            (None, "old value: when it ends and whether it is used is not known"),
            (
                Some(Before { ends: end, never: false, ended: None, use_known: false, issued: None }),
                "old value: works until Tue 1 Dec 2026 00:00 UTC, in 6 days 15 hours; whether something still uses it is not known",
            ),
            (
                Some(Before { ends: end, never: false, ended: None, use_known: true, issued: None }),
                "old value: works until Tue 1 Dec 2026 00:00 UTC, in 6 days 15 hours; its use is watched",
            ),
            (
                Some(Before { ends: None, never: true, ended: None, use_known: false, issued: None }),
                "old value: still works and never ends: revoke it; whether something still uses it is not known",
            ),
            (
                Some(Before { ends: None, never: false, ended: None, use_known: false, issued: None }),
                "old value: when it ends is not known; whether something still uses it is not known",
            ),
            (
                Some(Before {
                    ends: Some(at("2026-11-24 08:00")),
                    never: false,
                    ended: None,
                    use_known: false,
                    issued: None,
                }),
                "old value: ended Tue 24 Nov 2026 08:00 UTC",
            ),
            (
                Some(Before { ends: end, never: false, ended: Some("absent".into()), use_known: true, issued: None }),
                "old value: no longer known to GitLab",
            ),
        ];
        for (before, said) in table {
            let mut closing = rotated();
            closing.facts.before = before;
            closing.facts.copies.clear();
            let told = plain(&composed(&[closing], "2026-11-24 09:00").lines[0].text);
            assert_eq!(told, format!("Copies: not said · {said}"));
        }
    }

    #[test]
    fn a_rotation_into_a_value_without_end_or_without_a_known_one_says_so() {
        let mut closing = rotated();
        closing.facts.ends = None;
        let unknown = composed(&[closing.clone()], "2026-11-24 09:00");
        assert!(plain(&unknown.headline).ends_with("when the new value ends is not known (was 1 Dec 2026)"));
        closing.facts.never = true;
        let never = composed(&[closing.clone()], "2026-11-24 09:00");
        assert!(plain(&never.headline).ends_with("was rotated; the new value never expires (was 1 Dec 2026)"));
        // Without memory of what was before, `ends` may be the old value's: it is not sold as the new one.
        closing.facts.never = false;
        closing.facts.before = None;
        closing.facts.ends = Some(at("2026-12-01 00:00"));
        assert!(plain(&composed(&[closing], "2026-11-24 09:00").headline).contains("is not known"));
    }

    #[test]
    fn one_message_stands_for_all_tokens_of_a_blind_collector() {
        let message = composed(&[blind()], "2026-11-24 09:01");
        insta::assert_snapshot!(lines(&message), @r"
        Blind: collector gitlab cannot read gitlab.example.com since 07:46 UTC (1 h 15 min): its own login is refused (401)
        Covers: 40 tokens, judged on what was read at 07:31 UTC; 2 of them end within 7 days. A revocation would go unseen
        Do: replace the login (file gitlab-read; role Owner, scope read_api). No reload needed · how to
        Whose: sre (owner of forewarn)
        Next: critical after 24 h, or when one of the 40 is 24 h from its deadline. This message stands for all 40
        ");
        assert_eq!(
            message.subject,
            "[forewarn] BLIND: collector gitlab, own login refused (401), 40 tokens unread since 07:46 UTC"
        );
    }

    #[test]
    fn terminals_get_the_lines_of_the_first_five_minutes() {
        let mut nightly = intent("examples/nightly-bot", FindingKind::ExpiresSoon, Severity::Warning, "AAAA");
        nightly.episode.finding.due = Some(at("2026-11-30 14:20"));
        nightly.facts.pipelines = vec!["nightly".into()];
        nightly.facts.next = Some((at("2026-11-27 00:00"), "".into()));
        insta::assert_snapshot!(stdout(&composed(&[nightly], "2026-11-24 09:40:12")),
            @"warning   examples/nightly-bot expires in 6 days, Mon 30 Nov 14:20 UTC. Breaks nightly. Next: Fri 27 Nov.");
        let mut watched = intent("examples/watch-me", FindingKind::ExpiresSoon, Severity::Warning, "BBBB");
        watched.episode.finding.due = Some(at("2026-11-24 09:43:00"));
        watched.facts.pipelines = vec!["deploy-prod".into()];
        watched.facts.next = Some((at("2026-11-24 09:42:30"), "".into()));
        insta::assert_snapshot!(stdout(&composed(&[watched.clone()], "2026-11-24 09:42:00")),
            @"warning   examples/watch-me expires in 60 s, 09:43 UTC. Breaks deploy-prod. Next: in 30 s.");
        watched.episode.kind = FindingKind::Expired;
        watched.episode.severity = Severity::Critical;
        watched.facts.next = None;
        watched.facts.rotate = "Run `make run` again to see it rotated.".into();
        insta::assert_snapshot!(stdout(&composed(&[watched], "2026-11-24 09:43:00")),
            @"critical  examples/watch-me has expired. Breaks deploy-prod now. Run `make run` again to see it rotated.");
    }

    #[test]
    fn rule_9_2_several_findings_of_one_token_are_one_message_headed_by_the_most_severe() {
        let mut worse = expires_soon();
        worse.episode.kind = FindingKind::Expired;
        worse.episode.severity = Severity::Critical;
        worse.facts.next = Some((at("2026-12-02 00:00"), "".into()));
        worse.episode.id = crate::deliver::message::samples::id("ZZZZ");
        let mut scopes = expires_soon();
        scopes.episode.kind = FindingKind::OverScoped;
        scopes.episode.finding.why = Why::Scopes { outside: vec!["api".into()] };
        let message = composed(&[scopes, worse], "2026-12-01 00:40");
        assert_eq!(message.mark, "Expired");
        assert_eq!(message.severity, Severity::Critical);
        insta::assert_snapshot!(lines(&message), @r"
        Expired: gitlab/platform/renovate expired Tue 1 Dec 2026 00:00 UTC, 40 min ago
        Breaks: deploy-prod now
        Do: issue a new one and replace RENOVATE_TOKEN in github example/shop, or hold the run · how to · open in GitLab
        Whose: platform · last rotated 2 Sep 2026, by hand
        Next: again Wed 2 Dec 00:00 UTC, then after 3 and 7 days
        -: Also: Holds too much · gitlab/platform/renovate holds more than its policy allows: api · R7K2
        ");
    }

    #[test]
    fn two_findings_closed_by_one_rotation_are_said_once() {
        let mut due = rotated();
        due.episode.kind = FindingKind::RotationDue;
        let message = composed(&[rotated(), due], "2026-11-25 10:00");
        assert_eq!(message.lines.len(), 2);
    }

    #[test]
    fn several_tokens_are_a_list_most_urgent_first_cut_at_twenty() {
        let mut many: Vec<Intent> = (0..30)
            .map(|n| {
                let mut one = expires_soon();
                one.facts.token = format!("gitlab/platform/t{n:02}");
                one.episode.finding.due = Some(at("2026-12-01 00:00") + chrono::TimeDelta::hours(n));
                one
            })
            .collect();
        many.push(revoked());
        many.reverse();
        let message = composed(&many, "2026-11-24 09:00");
        assert_eq!(
            message.subject,
            "[forewarn] 31 tokens need someone (1 critical, 30 warning); breaks deploy-prod today 12:00 UTC"
        );
        assert_eq!(message.lines.len(), 21);
        insta::assert_snapshot!(plain(&message.lines[0].text),
            @"critical keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027; breaks deploy-prod today 12:00 UTC; team identity · M2Q9");
        insta::assert_snapshot!(plain(&message.lines[1].text),
            @"warning gitlab/platform/t00 expires in 7 days, Tue 1 Dec 00:00 UTC; breaks deploy-prod; team platform · R7K2");
        assert_eq!(plain(&message.lines[20].text), "and 11 more");
        assert_eq!(message.data["items"].as_array().unwrap().len(), 31);
        assert!(message.thread.is_empty());
    }

    #[test]
    fn rule_10_an_introduction_says_what_it_is_and_rule_2_4_counts_what_has_no_policy() {
        let mut first = expires_soon();
        first.introduction = true;
        first.facts.covers = Some((412, 3));
        let mut dead = revoked();
        dead.introduction = true;
        dead.facts.collector = Some("gitlab".into());
        let stray = |name: &str| {
            let mut one = intent(name, FindingKind::Unmanaged, Severity::Info, "QQQQ");
            one.introduction = true;
            one
        };
        let message = composed(&[first.clone(), stray("gitlab/a"), stray("gitlab/b"), dead], "2026-11-24 09:01");
        insta::assert_snapshot!(lines(&message), @r"
        : First look at collector gitlab: 412 tokens watched, 2 need someone (1 critical, 1 warning)
        -: critical keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027; breaks deploy-prod today 12:00 UTC; team identity · M2Q9
        -: warning gitlab/platform/renovate expires in 7 days, Tue 1 Dec 00:00 UTC; breaks deploy-prod; team platform · R7K2
        -: 2 tokens of gitlab without a policy
        ");
        let alone = composed(&[first], "2026-11-24 09:01");
        assert_eq!(plain(&alone.lines.last().unwrap().text), "This is from the first look at collector gitlab");
        assert_eq!(alone.mark, "7 days");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let message =
            composed(&[intent("gitlab/x", FindingKind::Expired, Severity::Critical, "AAAA")], "2026-11-24 09:00");
        insta::assert_snapshot!(lines(&message), @r"
        Expired: gitlab/x has expired; when is not known
        Breaks: not said: no policy names a pipeline for it
        Do: issue a new one and replace it wherever it is used, or hold the run
        Whose: not said
        Next: nothing more before it changes
        ");
        assert!(stdout(&message).contains("Breaks: not said."));
    }

    #[test]
    fn an_own_login_says_what_goes_blind() {
        let mut login = expires_soon();
        login.facts.own_login = true;
        login.facts.pipelines.clear();
        let message = composed(&[login], "2026-11-24 09:00");
        assert!(message.subject.ends_with(", blinds collector gitlab"));
        assert_eq!(plain(&message.lines[0].text), "forewarn's own sight: collector gitlab cannot read without it");
    }

    #[test]
    fn short_lives_are_told_in_seconds() {
        let mut short = intent("vault/ci-deploy", FindingKind::ExpiresSoon, Severity::Warning, "AAAA");
        let end = at("2026-11-24 09:41:03");
        let rung =
            |before: u32, sixtieths| Rung { before, at: end - chrono::TimeDelta::seconds(before.into()), sixtieths };
        short.episode.finding.ladder = vec![rung(20, 20), rung(10, 10), rung(4, 4)];
        short.episode.finding.rung = Some(rung(20, 20));
        short.episode.finding.due = Some(end);
        let message = composed(&[short], "2026-11-24 09:40:44");
        assert_eq!(message.subject, "[forewarn] 20 s: vault/ci-deploy expires Tue 24 Nov 2026 09:41:03 UTC");
        assert_eq!(message.relative.as_deref(), Some("in 19 s"));
        assert_eq!(small(&message)[0], "step 1/3 of 1/3, 1/6, 1/15 of its lifetime");
    }

    #[test]
    fn rules_9_3_and_9_5_the_first_line_says_why_it_is_told_again() {
        let table = [
            (Transition::Opened, false, "REVOKED: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC"),
            (
                Transition::Reminder(2),
                false,
                "REVOKED, reminder 2: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC",
            ),
            (
                Transition::Raised(Severity::Critical),
                false,
                "REVOKED, now critical: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC",
            ),
            (
                Transition::Reassigned,
                false,
                "REVOKED, now yours: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC",
            ),
            (
                Transition::Opened,
                true,
                "REVOKED, comes and goes: keycloak/ci/deploy-bot, breaks deploy-prod today 12:00 UTC",
            ),
        ];
        for (transition, flapping, first) in table {
            let mut one = revoked();
            one.transition = transition;
            one.episode.flapping = flapping;
            assert_eq!(composed(&[one], "2026-11-24 09:01").first_line(), first);
        }
    }

    #[test]
    fn a_closing_answers_what_was_told_not_what_holds_now() {
        let mut due = rotated();
        due.episode.kind = FindingKind::RotationDue;
        due.episode.finding.due = Some(at("2026-12-01 14:10"));
        let earlier = composed(&[due], "2026-11-25 10:00").reply_to_subject.unwrap();
        assert!(earlier.ends_with("Tue 1 Dec 2026 14:10 UTC"), "{earlier}");
        let mut closed = revoked();
        closed.transition = Transition::Closed(Closing::Recovered);
        let earlier = composed(&[closed], "2026-11-25 10:00").reply_to_subject.unwrap();
        assert_eq!(earlier, "[forewarn] REVOKED: keycloak/ci/deploy-bot, breaks deploy-prod");
    }

    #[test]
    fn what_is_told_in_one_line_is_english() {
        let mut soon = rotated();
        soon.facts.ends = Some(at("2026-11-25 10:03:00"));
        let told = stdout(&composed(&[soon], "2026-11-25 10:00"));
        assert!(told.contains("is good until 10:03 UTC, in 3 min (was 1 Dec 2026)."), "{told}");
    }

    #[test]
    fn links_need_an_external_url_and_only_web_addresses_are_linked() {
        let cx = ComposeCx { external_url: Some("https://forewarn.example.com/".into()) };
        let mut hostile = expires_soon();
        hostile.facts.link = Some("javascript:alert(1)".into());
        hostile.facts.token = "gitlab/a b<c>".into();
        let message = compose(&[hostile], at("2026-11-24 09:00"), &cx);
        assert_eq!(message.page.as_deref(), Some("https://forewarn.example.com/t/gitlab/a%20b%3Cc%3E"));
        assert!(!format!("{:?}", message.lines).contains("javascript"));
        assert_eq!(composed(&[expires_soon()], "2026-11-24 09:00").page, None);
    }

    /// The plainest intent of a kind.
    fn of_kind(kind: FindingKind, due: Option<At>) -> Intent {
        let mut one = intent("gitlab/platform/renovate", kind, Severity::Warning, "R7K2");
        one.episode.finding.due = due;
        if kind == FindingKind::ChannelFailing {
            one.episode.subject = Subject::Channel("chat".into());
        }
        one
    }
    fn dues() -> [Option<At>; 3] {
        [None, Some(at("2026-12-01 00:00")), Some(at("2026-11-24 09:00"))]
    }

    #[test]
    fn every_finding_has_words_for_every_reason() {
        for &kind in FindingKind::ALL {
            for why in whys() {
                for due in dues() {
                    let mut one = of_kind(kind, due);
                    one.episode.finding.why = why.clone();
                    whole(&composed(&[one.clone()], "2026-11-24 09:40"), &one);
                }
            }
        }
    }

    #[test]
    fn every_finding_says_how_it_closed() {
        for &kind in FindingKind::ALL {
            for &how in Closing::ALL {
                for due in dues() {
                    let mut one = of_kind(kind, due);
                    one.transition = Transition::Closed(how);
                    let message = composed(&[one.clone()], "2026-11-24 09:40");
                    assert!(message.mark.ends_with(how.as_str()));
                    whole(&message, &one);
                }
            }
        }
    }

    /// What every message must hold.
    fn whole(message: &Message, intent: &Intent) {
        let first = plain(&message.headline);
        let name = match intent.episode.kind {
            FindingKind::ChannelFailing => "chat",
            FindingKind::CollectorFailing => "gitlab",
            _ => intent.facts.token.as_str(),
        };
        assert!(first.contains(name) && message.subject.contains(name), "{first}");
        assert!(first.len() > name.len() + 8, "{first}");
        assert_eq!(*small(message).last().unwrap(), "R7K2");
        let all = format!("{}{}{}", lines(message), small(message).join("·"), stdout(message));
        for bad in ["  ", "..", ";;", "()", " ,", " .", "_", "None", "Some("] {
            assert!(!all.replace("warning   ", "").replace("info      ", "").contains(bad), "{bad:?} in {all}");
        }
        if !message.closing {
            for lead in ["Do", "Whose", "Next"] {
                assert!(message.lines.iter().any(|line| line.lead == Some(lead)), "{lead} missing in {all}");
            }
        }
    }

    #[test]
    fn machines_get_absolute_times_only() {
        let message = composed(&[expires_soon()], "2026-11-24 09:00");
        assert_eq!(message.event, "expires_soon.rung");
        insta::assert_snapshot!(serde_json::to_string_pretty(&message.data).unwrap(), @r#"
        {
          "items": [
            {
              "episode": "c1e62000000000000000000000000000",
              "code": "R7K2",
              "thread": "gitlab/group|42|gitlab/platform/renovate/8841",
              "finding": "expires_soon",
              "transition": "rung",
              "closed": null,
              "severity": "warning",
              "at": "2026-11-24T09:00:00Z",
              "since": "2026-11-24T09:00:00Z",
              "due": "2026-12-01T00:00:00Z",
              "rung_seconds": 604800,
              "why": {
                "why": "plain"
              },
              "token": "gitlab/platform/renovate",
              "collector": "gitlab",
              "issuer": "gitlab",
              "kind": "group",
              "team": "platform",
              "owner": null,
              "schedule": "quarterly",
              "pipelines": [
                "deploy-prod"
              ],
              "ends": "2026-12-01T00:00:00Z",
              "never": false,
              "rotation_due": null,
              "read_at": "2026-11-24T08:56:00Z",
              "runbook": "https://wiki.example.com/rotate-gitlab-token",
              "introduction": false
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_empty_group_is_no_panic() {
        assert_eq!(composed(&[], "2026-11-24 09:00").subject, "[forewarn] nothing to tell");
        assert_eq!(words::list::<&str>(&[]), "");
    }
}
