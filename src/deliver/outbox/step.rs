//! Pure: the outcome of an attempt → the next state of its deliveries, backoff, breaker, fallback (channels.md 5.6).
//! Counts an attempt where one was made; knows no store and no channel's protocol.

use chrono::TimeDelta;

use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::{Class, Delivery, DeliveryState, Receipt, SendError, Suspect};
use crate::domain::finding::Severity;
use crate::domain::key::ChannelId;
use crate::domain::reason::FailureReason;
use crate::judge::tell::ids;
use crate::keep::store::{Next, Parcel};

/// Seconds before the second, third, … attempt; the last one repeats.
const BACKOFF: [i64; 8] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400];
/// A receiver's wish to wait longer is cut to this.
const LONGEST_WISH: TimeDelta = TimeDelta::hours(1);
/// An ambiguous message is sent again after this.
const AMBIGUOUS_WAIT: TimeDelta = TimeDelta::minutes(2);
/// Failures in a row that break a channel, and when it is tried again.
const BREAKS_AT: u32 = 5;
/// Refusals in a row, over at least this long, that break a webhook.
const REFUSALS: (u32, TimeDelta) = (3, TimeDelta::hours(1));
/// Recipients refused by a relay's policy that break it.
const POLICY: usize = 3;
const FIRST_PROBE: TimeDelta = TimeDelta::minutes(15);
const NEXT_PROBE: TimeDelta = TimeDelta::hours(1);
/// Attempts with one frozen body; later ones are rendered afresh.
const FROZEN_FOR: u32 = 8;

/// What deciding needs besides the parcel.
pub struct StepCx<'a> {
    /// Readers that hear of it when this one cannot; empty: nobody.
    pub fallback: &'a [(ChannelId, String)],
    /// The receiver drops a second copy with the same id (webhook).
    pub idempotent: bool,
    /// Any number; spreads the attempts of many deliveries.
    pub jitter: u32,
    pub now: At,
}

/// What follows from an attempt.
pub fn step(parcel: &Parcel, outcome: &Result<Receipt, SendError>, cx: &StepCx<'_>) -> Next {
    match outcome {
        Ok(receipt) => sent(parcel, receipt, cx),
        Err(error) => failed(parcel, error, cx),
    }
}

/// A parcel that must not be sent now, with what is done instead; `None`: send it. Its channel is broken and not to be
/// probed yet, or its time is over.
pub fn settle(parcel: &Parcel, cx: &StepCx<'_>) -> Option<Next> {
    let over = parcel.deliveries.iter().all(|delivery| delivery.deadline <= cx.now);
    let probe = parked_until(&parcel.health, cx.now);
    if !over && probe.is_none() {
        return None;
    }
    let mut next = Next {
        keep_body: true,
        evidence: if over { "its time is over" } else { "waits for the next probe of a broken channel" }.into(),
        ..unchanged(parcel, Class::Broken, cx.now)
    };
    for nth in 0..next.deliveries.len() {
        set_back(&mut next, nth, DeliveryState::Blocked, probe.unwrap_or(cx.now), cx);
    }
    Some(next)
}

/// When the same intent also goes to the fallback: half of the time to its deadline, or one hour where it is critical.
pub fn fallback_at(delivery: &Delivery) -> At {
    match delivery.severity {
        Severity::Critical => delivery.notify_at + TimeDelta::hours(1),
        _ => delivery.notify_at + (delivery.deadline - delivery.notify_at) / 2,
    }
}

/// A broken channel takes nothing until its probe is due.
pub fn parked_until(health: &ChannelHealth, now: At) -> Option<At> {
    health.broken.and(health.probe_at).filter(|&probe| probe > now)
}

fn unchanged(parcel: &Parcel, class: Class, now: At) -> Next {
    Next {
        at: now,
        deliveries: parcel.deliveries.clone(),
        health: parcel.health.clone(),
        class,
        fallback: Vec::new(),
        keep_body: false,
        evidence: String::new(),
    }
}

fn sent(parcel: &Parcel, receipt: &Receipt, cx: &StepCx<'_>) -> Next {
    let mut next = unchanged(parcel, Class::Ok, cx.now);
    next.evidence = receipt.evidence.as_str().to_owned();
    next.health = ChannelHealth::new(parcel.channel.clone());
    for delivery in &mut next.deliveries {
        delivery.state = DeliveryState::Sent;
        delivery.attempts += 1;
        delivery.last_class = Some(Class::Ok);
    }
    next
}

fn failed(parcel: &Parcel, error: &SendError, cx: &StepCx<'_>) -> Next {
    let error = &weighed(parcel, error, cx);
    let mut next = unchanged(parcel, error.class, cx.now);
    next.evidence = error.detail.as_str().to_owned();
    next.health = health_after(parcel, error, cx);
    next.keep_body = stays_frozen(parcel, error);
    for nth in 0..next.deliveries.len() {
        let before = next.deliveries[nth].last_class;
        let delivery = &mut next.deliveries[nth];
        delivery.last_class = Some(error.class);
        // A broken channel is not the message's fault: its backoff does not grow.
        delivery.attempts += u32::from(error.class != Class::Broken);
        let wait = pause(delivery.attempts, error, cx);
        match error.class {
            Class::Recipient => give_up(&mut next, nth, cx),
            Class::Refused if before == Some(Class::Refused) => give_up(&mut next, nth, cx),
            Class::Refused => set_back(&mut next, nth, DeliveryState::Retrying, cx.now, cx),
            Class::Ambiguous if !cx.idempotent => ambiguous(&mut next, nth, cx),
            _ => set_back(&mut next, nth, DeliveryState::Retrying, cx.now + wait, cx),
        }
    }
    next
}

/// Backoff by attempts made, drawn from [d/2, d], and not before the receiver's wish.
fn pause(attempts: u32, error: &SendError, cx: &StepCx<'_>) -> TimeDelta {
    let nth = (attempts.max(1) as usize - 1).min(BACKOFF.len() - 1);
    let longest = BACKOFF[nth];
    let half = longest / 2;
    let drawn = TimeDelta::seconds(longest - i64::from(cx.jitter) % (longest - half + 1));
    let wish = error.after.map_or(TimeDelta::zero(), |after| TimeDelta::seconds(after.into()));
    drawn.max(wish.min(LONGEST_WISH))
}

/// What several answers of a kind prove, one does not: with the last of them the channel is broken.
fn weighed(parcel: &Parcel, error: &SendError, cx: &StepCx<'_>) -> SendError {
    let proved = match error.suspect {
        None => false,
        Some(_) if parcel.health.broken.is_some() => true,
        Some(Suspect::Address) => {
            let (since, refusals) = refusals(parcel, cx.now);
            refusals >= REFUSALS.0 && cx.now - since >= REFUSALS.1
        }
        Some(Suspect::Policy) => policy(parcel).len() >= POLICY,
    };
    SendError { class: if proved { Class::Broken } else { error.class }, ..error.clone() }
}

/// Refusals in a row with this one: since when, how many.
fn refusals(parcel: &Parcel, now: At) -> (At, u32) {
    parcel.health.refusals.map_or((now, 1), |(since, refusals)| (since, refusals.saturating_add(1)))
}

/// Recipients that a policy refused, with this one.
fn policy(parcel: &Parcel) -> Vec<String> {
    let mut refused = parcel.health.policy.clone();
    if refused.len() < POLICY && !refused.contains(&parcel.recipient) {
        refused.push(parcel.recipient.clone());
    }
    refused
}

fn health_after(parcel: &Parcel, error: &SendError, cx: &StepCx<'_>) -> ChannelHealth {
    let mut health = parcel.health.clone();
    match error.class {
        // The receiver answered and spoke about this message or this reader: the channel works.
        Class::Recipient | Class::Refused | Class::Ok => {
            let (dead, policy) = match error.suspect {
                Some(Suspect::Policy) => (health.dead, policy(parcel)),
                _ => (health.dead, health.policy),
            };
            health = ChannelHealth { dead, policy, ..ChannelHealth::new(parcel.channel.clone()) };
        }
        Class::Throttled => {
            let until = cx.now + pause(parcel.deliveries.iter().map(|d| d.attempts + 1).max().unwrap_or(1), error, cx);
            health.throttled_until = Some(until);
            if health.broken.is_some() {
                health.probe_at = Some(until);
            }
        }
        // Counted by the hour, not by the handful: its own backoff would use the handful up in minutes.
        Class::Retry if error.suspect == Some(Suspect::Address) => health.refusals = Some(refusals(parcel, cx.now)),
        Class::Broken | Class::Retry | Class::Ambiguous => {
            health.refusals = None;
            health.failures_in_a_row = health.failures_in_a_row.saturating_add(1);
            if health.broken.is_some() {
                health.probe_at = Some(cx.now + NEXT_PROBE);
            } else if error.class == Class::Broken || health.failures_in_a_row >= BREAKS_AT {
                health.broken = Some((cx.now, error.class));
                health.probe_at = Some(cx.now + FIRST_PROBE);
            }
        }
    }
    health
}

/// Bytes may have left in this attempt or an earlier one: the same id must go on meaning the same content.
fn stays_frozen(parcel: &Parcel, error: &SendError) -> bool {
    let left_before = parcel.deliveries.iter().any(|d| d.ambiguous > 0 || d.last_class == Some(Class::Ambiguous));
    let certainly_not_sent = match error.class {
        Class::Ambiguous => false,
        Class::Retry => matches!(error.reason, FailureReason::Connect | FailureReason::Tls),
        _ => true,
    };
    let attempts = parcel.deliveries.iter().map(|delivery| delivery.attempts).max().unwrap_or(0);
    error.class != Class::Refused && (left_before || !certainly_not_sent) && attempts + 1 < FROZEN_FOR
}

/// A receiver that may or may not have it, and would show a second copy: once more, then it counts as sent and the
/// fallback hears of it too.
fn ambiguous(next: &mut Next, nth: usize, cx: &StepCx<'_>) {
    next.deliveries[nth].ambiguous += 1;
    if next.deliveries[nth].ambiguous < 2 {
        return set_back(next, nth, DeliveryState::Retrying, cx.now + AMBIGUOUS_WAIT, cx);
    }
    next.deliveries[nth].state = DeliveryState::Sent;
    next.evidence.insert_str(0, "unconfirmed: ");
    fall_back(next, nth, cx);
}

fn give_up(next: &mut Next, nth: usize, cx: &StepCx<'_>) {
    next.deliveries[nth].state = DeliveryState::Dead;
    next.health.dead = next.health.dead.saturating_add(1);
    fall_back(next, nth, cx);
}

/// Waits for its next attempt, at the latest for the moment at which the fallback hears of it or its time is over.
fn set_back(next: &mut Next, nth: usize, state: DeliveryState, at: At, cx: &StepCx<'_>) {
    if next.deliveries[nth].deadline <= cx.now {
        return give_up(next, nth, cx);
    }
    if fallback_at(&next.deliveries[nth]) <= cx.now {
        fall_back(next, nth, cx);
    }
    let parked = parked_until(&next.health, cx.now);
    let delivery = &mut next.deliveries[nth];
    delivery.state = if parked.is_some() { DeliveryState::Blocked } else { state };
    let mut at = parked.unwrap_or(at).min(delivery.deadline);
    if !delivery.fell_back && !cx.fallback.is_empty() {
        at = at.min(fallback_at(delivery));
    }
    delivery.next_attempt_at = at;
}

/// The same intent to the readers of the fallback, once.
fn fall_back(next: &mut Next, nth: usize, cx: &StepCx<'_>) {
    let delivery = &mut next.deliveries[nth];
    if delivery.fell_back || cx.fallback.is_empty() {
        return;
    }
    delivery.fell_back = true;
    let given = delivery.deadline - delivery.notify_at;
    let copies = cx.fallback.iter().map(|(channel, recipient)| Delivery {
        id: ids::delivery(&delivery.intent, channel.as_str(), recipient),
        intent: delivery.intent.clone(),
        channel: channel.clone(),
        recipient: recipient.clone(),
        severity: delivery.severity,
        notify_at: cx.now,
        deadline: cx.now + given,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: cx.now,
        last_class: None,
        ambiguous: 0,
        fence: 0,
        fell_back: false,
    });
    next.fallback.extend(copies);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::key::DeliveryId;
    use crate::domain::text::Text;

    fn at(seconds: i64) -> At {
        At::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }
    /// A delivery due at 0 with three days.
    fn delivery(severity: Severity) -> Delivery {
        Delivery {
            id: DeliveryId(7),
            intent: "e:1:opened".into(),
            channel: "chat".into(),
            recipient: String::new(),
            severity,
            notify_at: at(0),
            deadline: at(72 * 3600),
            state: DeliveryState::Leased,
            attempts: 0,
            next_attempt_at: at(0),
            last_class: None,
            ambiguous: 0,
            fence: 1,
            fell_back: false,
        }
    }
    fn parcel(severity: Severity) -> Parcel {
        Parcel {
            id: DeliveryId(7),
            deliveries: vec![delivery(severity)],
            channel: "chat".into(),
            recipient: String::new(),
            body: "{}".into(),
            attempt: 1,
            health: ChannelHealth::new("chat".into()),
        }
    }
    fn error(class: Class, reason: FailureReason) -> SendError {
        SendError { class, reason, after: None, suspect: None, detail: Text::new("said no") }
    }
    fn mail() -> Vec<(ChannelId, String)> {
        vec![("mail".into(), "ops@example.com".into())]
    }
    /// One failure of `class` at `seconds` with a full jitter of 0, so that the longest wait is drawn.
    fn fail(parcel: &Parcel, class: Class, seconds: i64) -> Next {
        let fallback = mail();
        let cx = StepCx { fallback: &fallback, idempotent: false, jitter: 0, now: at(seconds) };
        step(parcel, &Err(error(class, FailureReason::Http5xx)), &cx)
    }
    /// The parcel as it would be claimed again.
    fn again(parcel: &Parcel, next: &Next) -> Parcel {
        Parcel { deliveries: next.deliveries.clone(), health: next.health.clone(), ..parcel.clone() }
    }
    fn only(next: &Next) -> &Delivery {
        assert_eq!(next.deliveries.len(), 1);
        &next.deliveries[0]
    }

    #[test]
    fn sent_heals_the_channel() {
        let mut parcel = parcel(Severity::Warning);
        parcel.health.broken = Some((at(0), Class::Broken));
        parcel.health.failures_in_a_row = 9;
        parcel.health.dead = 2;
        let cx = StepCx { fallback: &[], idempotent: false, jitter: 0, now: at(60) };
        let next = step(&parcel, &Ok(Receipt { evidence: Text::new("200 ok") }), &cx);
        assert_eq!(next.health, ChannelHealth::new("chat".into()));
        assert_eq!((only(&next).state, only(&next).attempts), (DeliveryState::Sent, 1));
        assert_eq!((next.class, next.evidence.as_str()), (Class::Ok, "200 ok"));
    }

    #[test]
    fn backoff_grows_to_four_hours() {
        let mut waits = Vec::new();
        let mut parcel = parcel(Severity::Warning);
        for _ in 0..10 {
            parcel.health.failures_in_a_row = 0;
            let next = fail(&parcel, Class::Retry, 0);
            waits.push((only(&next).next_attempt_at - at(0)).num_seconds());
            parcel = again(&parcel, &next);
        }
        assert_eq!(waits, [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]);
    }

    #[test]
    fn a_receiver_may_ask_for_longer_but_not_for_ever() {
        for (after, wait) in [(1, 5), (90, 90), (86_400, 3_600)] {
            let cx = StepCx { fallback: &[], idempotent: false, jitter: 0, now: at(0) };
            let throttled = SendError { after: Some(after), ..error(Class::Throttled, FailureReason::RateLimited) };
            let next = step(&parcel(Severity::Warning), &Err(throttled), &cx);
            assert_eq!(only(&next).next_attempt_at, at(wait));
            assert_eq!(next.health.throttled_until, Some(at(wait)));
            assert_eq!(
                (next.health.failures_in_a_row, next.keep_body),
                (0, false),
                "a receiver that speaks is no failure"
            );
        }
    }

    #[test]
    fn five_failures_in_a_row_break_a_channel_and_it_is_probed_hourly() {
        let mut parcel = parcel(Severity::Warning);
        for nth in 1..=4 {
            let next = fail(&parcel, Class::Retry, nth);
            assert!(next.health.up() && only(&next).state == DeliveryState::Retrying, "{nth}");
            parcel = again(&parcel, &next);
        }
        let next = fail(&parcel, Class::Retry, 5);
        assert_eq!(next.health.broken, Some((at(5), Class::Retry)));
        assert_eq!(next.health.probe_at, Some(at(5 + 900)));
        assert_eq!((only(&next).state, only(&next).next_attempt_at), (DeliveryState::Blocked, at(5 + 900)));
        let next = fail(&again(&parcel, &next), Class::Retry, 905);
        assert_eq!(next.health.broken, Some((at(5), Class::Retry)), "once per break");
        assert_eq!(next.health.probe_at, Some(at(905 + 3600)));
    }

    #[test]
    fn one_definitive_answer_breaks_a_channel() {
        let next = fail(&parcel(Severity::Warning), Class::Broken, 0);
        assert_eq!(next.health.broken, Some((at(0), Class::Broken)));
        assert_eq!((only(&next).state, only(&next).attempts), (DeliveryState::Blocked, 0));
        assert!(next.fallback.is_empty(), "the broken channel itself is told to the fallback");
    }

    /// One refusal of `recipient` that only counts together with others.
    fn suspicious(parcel: &Parcel, class: Class, suspect: Suspect, recipient: &str, seconds: i64) -> Next {
        let parcel = Parcel { recipient: recipient.into(), ..parcel.clone() };
        let fallback = mail();
        let cx = StepCx { fallback: &fallback, idempotent: true, jitter: 0, now: at(seconds) };
        step(&parcel, &Err(SendError { suspect: Some(suspect), ..error(class, FailureReason::Forbidden) }), &cx)
    }

    #[test]
    fn a_webhook_that_refuses_is_broken_after_three_in_a_row_over_an_hour() {
        let mut parcel = parcel(Severity::Warning);
        let mut refuse = |seconds| {
            let next = suspicious(&parcel, Class::Retry, Suspect::Address, "", seconds);
            parcel = again(&parcel, &next);
            next
        };
        for seconds in [0, 5, 35, 155, 755, 3_599] {
            let next = refuse(seconds);
            assert!(next.health.up(), "{seconds}: {:?}", next.health);
            assert_eq!((next.class, only(&next).state), (Class::Retry, DeliveryState::Retrying));
        }
        let next = refuse(3_600);
        assert_eq!(next.health.broken, Some((at(3_600), Class::Broken)));
        assert_eq!((next.class, only(&next).state), (Class::Broken, DeliveryState::Blocked));
        assert_eq!(refuse(4_500).health.probe_at, Some(at(4_500 + 3_600)), "a probe that is refused leaves it broken");
    }

    #[test]
    fn two_refusals_an_hour_apart_or_another_answer_between_break_no_webhook() {
        let parcel = parcel(Severity::Warning);
        let first = suspicious(&parcel, Class::Retry, Suspect::Address, "", 0);
        let second = suspicious(&again(&parcel, &first), Class::Retry, Suspect::Address, "", 4_000);
        assert!(second.health.up());
        let other = fail(&again(&parcel, &second), Class::Retry, 4_100);
        assert_eq!((other.health.refusals, other.health.failures_in_a_row), (None, 1), "no longer in a row");
        let third = suspicious(&again(&parcel, &other), Class::Retry, Suspect::Address, "", 8_000);
        assert!(third.health.up());
    }

    #[test]
    fn a_policy_breaks_a_relay_with_the_third_recipient_that_it_refuses() {
        for class in [Class::Recipient, Class::Refused] {
            let mut parcel = parcel(Severity::Warning);
            for recipient in ["a@example.com", "b@example.com", "a@example.com"] {
                let next = suspicious(&parcel, class, Suspect::Policy, recipient, 0);
                assert!(next.health.up(), "{recipient}: {:?}", next.health);
                assert_eq!(next.class, class);
                parcel.health = next.health;
            }
            // Another word about a mailbox changes nothing; a success would.
            parcel.health = fail(&parcel, Class::Recipient, 1).health;
            let next = suspicious(&parcel, class, Suspect::Policy, "c@example.com", 1);
            assert_eq!(next.health.broken, Some((at(1), Class::Broken)));
            assert_eq!(only(&next).state, DeliveryState::Blocked, "the relay is at fault, not the third recipient");
            parcel.health = next.health;
            let probe = suspicious(&parcel, class, Suspect::Policy, "a@example.com", 901);
            assert_eq!((probe.health.probe_at, only(&probe).state), (Some(at(901 + 3_600)), DeliveryState::Blocked));
            let cx = StepCx { fallback: &[], idempotent: false, jitter: 0, now: at(5_000) };
            let healed = step(&parcel, &Ok(Receipt { evidence: Text::new("250 ok") }), &cx);
            assert_eq!(healed.health, ChannelHealth::new("chat".into()));
        }
    }

    #[test]
    fn a_recipient_that_does_not_exist_is_dead_and_the_fallback_hears() {
        let next = fail(&parcel(Severity::Warning), Class::Recipient, 0);
        assert_eq!((only(&next).state, next.health.dead, next.health.up()), (DeliveryState::Dead, 1, true));
        let told = &next.fallback[0];
        assert_eq!((told.channel.as_str(), told.recipient.as_str()), ("mail", "ops@example.com"));
        assert_eq!(told.id, ids::delivery("e:1:opened", "mail", "ops@example.com"));
        assert_eq!((told.notify_at, told.deadline, told.state), (at(0), at(72 * 3600), DeliveryState::Pending));
    }

    #[test]
    fn refused_content_is_tried_once_more_then_dead() {
        let parcel = parcel(Severity::Warning);
        let next = fail(&parcel, Class::Refused, 0);
        assert_eq!((only(&next).state, only(&next).next_attempt_at), (DeliveryState::Retrying, at(0)));
        assert!(!next.keep_body, "the second try is another text");
        let next = fail(&again(&parcel, &next), Class::Refused, 1);
        assert_eq!((only(&next).state, next.fallback.len(), next.health.dead), (DeliveryState::Dead, 1, 1));
    }

    #[test]
    fn an_ambiguous_message_is_sent_at_most_twice() {
        let parcel = parcel(Severity::Warning);
        let next = fail(&parcel, Class::Ambiguous, 0);
        assert_eq!((only(&next).state, only(&next).next_attempt_at), (DeliveryState::Retrying, at(120)));
        assert!(next.keep_body && next.fallback.is_empty());
        let next = fail(&again(&parcel, &next), Class::Ambiguous, 120);
        assert_eq!((only(&next).state, next.fallback.len()), (DeliveryState::Sent, 1));
        assert_eq!(next.evidence, "unconfirmed: said no");
    }

    #[test]
    fn an_idempotent_receiver_is_just_asked_again() {
        let cx = StepCx { fallback: &[], idempotent: true, jitter: 0, now: at(0) };
        let mut parcel = parcel(Severity::Warning);
        for _ in 0..4 {
            let next = step(&parcel, &Err(error(Class::Ambiguous, FailureReason::Timeout)), &cx);
            assert_eq!((only(&next).state, next.keep_body), (DeliveryState::Retrying, true));
            parcel = again(&parcel, &next);
        }
    }

    #[test]
    fn a_body_is_rendered_afresh_only_while_it_certainly_did_not_leave() {
        let cx = StepCx { fallback: &[], idempotent: false, jitter: 0, now: at(0) };
        let parcel = parcel(Severity::Warning);
        let keeps = |parcel: &Parcel, class, reason| step(parcel, &Err(error(class, reason)), &cx).keep_body;
        assert!(!keeps(&parcel, Class::Retry, FailureReason::Connect));
        assert!(!keeps(&parcel, Class::Retry, FailureReason::Tls));
        assert!(keeps(&parcel, Class::Retry, FailureReason::Http5xx));
        assert!(keeps(&parcel, Class::Ambiguous, FailureReason::Timeout));
        let left = again(&parcel, &fail(&parcel, Class::Ambiguous, 0));
        assert!(keeps(&left, Class::Retry, FailureReason::Connect), "it may have left before");
    }

    #[test]
    fn half_way_to_the_deadline_the_fallback_hears_once() {
        let mut parcel = parcel(Severity::Warning);
        parcel.deliveries[0].attempts = 7;
        let next = fail(&parcel, Class::Retry, 35 * 3600);
        assert_eq!((only(&next).next_attempt_at, next.fallback.len()), (at(36 * 3600), 0), "not later than that");
        let next = fail(&again(&parcel, &next), Class::Retry, 36 * 3600);
        assert_eq!((next.fallback.len(), only(&next).fell_back, only(&next).state), (1, true, DeliveryState::Retrying));
        let next = fail(&again(&parcel, &next), Class::Retry, 37 * 3600);
        assert_eq!(next.fallback.len(), 0);
        let critical = fail(&self::parcel(Severity::Critical), Class::Retry, 3600);
        assert_eq!(critical.fallback.len(), 1, "an hour where it is critical");
    }

    #[test]
    fn after_its_deadline_it_is_dead() {
        let next = fail(&parcel(Severity::Warning), Class::Retry, 72 * 3600);
        assert_eq!((only(&next).state, next.health.dead, next.fallback.len()), (DeliveryState::Dead, 1, 1));
    }

    #[test]
    fn a_parked_parcel_is_settled_without_sending() {
        let fallback = mail();
        let settled = |parcel: &Parcel, hours: i64| {
            settle(parcel, &StepCx { fallback: &fallback, idempotent: false, jitter: 0, now: at(hours * 3600) })
        };
        let mut parcel = parcel(Severity::Warning);
        assert!(settled(&parcel, 1).is_none());
        parcel.health.broken = Some((at(0), Class::Broken));
        parcel.health.probe_at = Some(at(40 * 3600));
        let next = settled(&parcel, 36).unwrap();
        assert_eq!((only(&next).state, next.fallback.len()), (DeliveryState::Blocked, 1));
        assert_eq!((only(&next).next_attempt_at, only(&next).attempts), (at(40 * 3600), 0));
        assert!(settled(&parcel, 40).is_none(), "the probe");
        assert_eq!(only(&settled(&parcel, 72).unwrap()).state, DeliveryState::Dead);
    }

    proptest! {
        /// Whatever happens: a wait is within [d/2, d] or the receiver's wish; nothing waits past its deadline; what is
        /// dead or unconfirmed was told to the fallback; ids of the fallback are always the same.
        #[test]
        fn nothing_is_lost(
            outcomes in prop::collection::vec((prop::sample::select(Class::ALL.to_vec()), any::<u32>(), 1..40_000i64), 1..30),
            idempotent in any::<bool>(),
        ) {
            let fallback = mail();
            let mut parcel = parcel(Severity::Warning);
            let (mut now, mut told) = (0, Vec::new());
            for (class, jitter, later) in outcomes {
                let cx = StepCx { fallback: &fallback, idempotent, jitter, now: at(now) };
                let before = parcel.deliveries[0].attempts;
                let next = step(&parcel, &Err(error(class, FailureReason::Http5xx)), &cx);
                told.extend(next.fallback.iter().map(|delivery| delivery.id));
                let state = only(&next).state;
                if state.done() {
                    prop_assert_eq!(told, vec![ids::delivery("e:1:opened", "mail", "ops@example.com")]);
                    return Ok(());
                }
                let due = only(&next).next_attempt_at;
                prop_assert!(due <= only(&next).deadline);
                prop_assert!(due > at(now) || class == Class::Refused);
                if class == Class::Retry && state == DeliveryState::Retrying {
                    let longest = BACKOFF[(before as usize).min(7)];
                    let wait = (due - at(now)).num_seconds();
                    let cut = due == fallback_at(only(&next)) || due == only(&next).deadline;
                    prop_assert!(cut || (longest / 2..=longest).contains(&wait), "{} of {}", wait, longest);
                }
                parcel = again(&parcel, &next);
                now += later;
            }
            prop_assert!(told.len() <= 1);
        }
    }
}
