//! Pure: is it still true, and may it go now? Runs inside the claim's transaction, on rows already read; knows no SQL
//! and no channel: the body comes from `render`.

use crate::domain::At;
use crate::domain::delivery::{DeliveryState, Intent};
use crate::keep::store::{Claim, DueGroup, DueItem};

use super::step;

/// Drops what is no longer true, waits while the channel may not be asked, else freezes the body of the rest.
///
/// A parcel may come out that is not to be sent but settled (`step::settle`): its time is over, or its channel is
/// broken and the fallback is to hear of it.
pub fn fresh(group: &DueGroup, now: At, render: &dyn Fn(&[Intent]) -> String) -> Claim {
    let mut items = Vec::new();
    let mut drop = Vec::new();
    for (nth, item) in group.items.iter().enumerate() {
        match stale(item) {
            Some(state) => drop.push((nth, state)),
            None => items.push(nth),
        }
    }
    if items.is_empty() {
        return Claim::Drop(drop);
    }
    if let Some(until) = waits(group, &items, now) {
        return Claim::Wait(until);
    }
    if let Some(body) = &group.frozen {
        // The bytes may be there already, so the same id must bring the same content: all of it, or nothing.
        return Claim::Send { items: (0..group.items.len()).collect(), body: body.clone(), drop: Vec::new() };
    }
    // What is told by itself and fell due at a digest's slot goes first, and does not hide in the digest.
    let in_digest = |nth: &usize| group.items[*nth].intent.digest.is_some();
    if !items.iter().all(in_digest) {
        items.retain(|nth| !in_digest(nth));
    }
    let intents: Vec<Intent> = items.iter().map(|&nth| group.items[nth].intent.clone()).collect();
    Claim::Send { body: render(&intents), items, drop }
}

/// How an item is done without being sent; `None`: it is still true.
fn stale(item: &DueItem) -> Option<DeliveryState> {
    // A reader who heard nothing of an episode that is over hears nothing: neither opening nor closing.
    let never_heard = (!item.told_before).then_some(DeliveryState::Cancelled);
    if item.intent.transition.is_closing() {
        return never_heard;
    }
    if item.newer_waits {
        return Some(DeliveryState::Superseded);
    }
    if !item.episode.open() {
        return Some(never_heard.unwrap_or(DeliveryState::Superseded));
    }
    None
}

/// The channel asked to wait, or is broken; then at the latest until an item is to be settled.
fn waits(group: &DueGroup, items: &[usize], now: At) -> Option<At> {
    let Some(parked) = step::parked_until(&group.health, now) else {
        return group.health.throttled_until.filter(|&until| until > now);
    };
    let settled = items.iter().map(|&nth| {
        let delivery = &group.items[nth].delivery;
        if delivery.fell_back { delivery.deadline } else { step::fallback_at(delivery).min(delivery.deadline) }
    });
    Some(settled.fold(parked, At::min)).filter(|&until| until > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::collector::ChannelHealth;
    use crate::domain::delivery::{Class, Delivery, Facts};
    use crate::domain::episode::{Closing, Episode, EpisodeState, Transition};
    use crate::domain::finding::{FindingKind, Rung, Severity};
    use crate::domain::key::DeliveryId;
    use crate::judge::tell::tests::{at, episode, facts};

    /// A due item of the slot `name`, three days to its deadline.
    fn item(name: &str, transition: Transition, state: EpisodeState) -> DueItem {
        let episode = Episode { state, ..episode(name, FindingKind::ExpiresSoon, Severity::Warning) };
        let intent = Intent {
            episode: episode.clone(),
            transition,
            seq: 1,
            at: at(0),
            introduction: false,
            digest: None,
            facts: Facts { token: name.to_owned(), ..facts() },
        };
        let delivery = Delivery {
            id: DeliveryId(name.len() as u128),
            intent: intent.key(),
            channel: "chat".into(),
            recipient: String::new(),
            severity: Severity::Warning,
            notify_at: at(0),
            deadline: at(72 * 3600),
            state: DeliveryState::Pending,
            attempts: 0,
            next_attempt_at: at(0),
            last_class: None,
            ambiguous: 0,
            fence: 0,
            fell_back: false,
        };
        DueItem { delivery, intent, episode, told_before: false, newer_waits: false }
    }
    fn opened(name: &str) -> DueItem {
        item(name, Transition::Opened, EpisodeState::Open)
    }
    fn over() -> EpisodeState {
        EpisodeState::Closed { how: Closing::Rotated, at: at(5) }
    }
    fn closing(name: &str) -> DueItem {
        item(name, Transition::Closed(Closing::Rotated), over())
    }
    fn group(items: Vec<DueItem>) -> DueGroup {
        let health = ChannelHealth::new("chat".into());
        DueGroup { channel: "chat".into(), recipient: String::new(), items, health, frozen: None }
    }
    /// The claim in one line: what is sent with which body, what is dropped as what.
    fn claim(group: &DueGroup, seconds: i64) -> String {
        let render = |intents: &[Intent]| intents.iter().map(|i| i.facts.token.clone()).collect::<Vec<_>>().join("+");
        match fresh(group, at(seconds), &render) {
            Claim::Send { items, body, drop } => format!("send {items:?} {body:?} drop {}", dropped(&drop)),
            Claim::Drop(drop) => format!("drop {}", dropped(&drop)),
            Claim::Wait(until) => format!("wait {}", (until - at(0)).num_seconds()),
        }
    }
    fn dropped(drop: &[(usize, DeliveryState)]) -> String {
        drop.iter().map(|(nth, state)| format!("{nth}:{state}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_is_still_true_is_one_message() {
        assert_eq!(claim(&group(vec![opened("a"), opened("b")]), 0), r#"send [0, 1] "a+b" drop "#);
    }

    #[test]
    fn an_episode_over_before_anybody_heard_is_cancelled() {
        let gone = item("a", Transition::Opened, over());
        assert_eq!(claim(&group(vec![gone.clone()]), 0), "drop 0:cancelled");
        assert_eq!(
            claim(&group(vec![gone.clone(), closing("a")]), 0),
            "drop 0:cancelled,1:cancelled",
            "they cancel out"
        );
        assert_eq!(claim(&group(vec![gone, opened("b")]), 0), r#"send [1] "b" drop 0:cancelled"#);
    }

    #[test]
    fn rule_9_3_a_closing_goes_only_where_something_was_told() {
        assert_eq!(claim(&group(vec![closing("a")]), 0), "drop 0:cancelled");
        let told = DueItem { told_before: true, ..closing("a") };
        assert_eq!(claim(&group(vec![told]), 0), r#"send [0] "a" drop "#);
    }

    #[test]
    fn a_rung_of_an_episode_that_is_over_leaves_the_word_to_the_closing() {
        let rung = Transition::Rung(Rung { before: 86_400, at: at(0), sixtieths: 0 });
        let rung = DueItem { told_before: true, ..item("a", rung, over()) };
        let told = DueItem { told_before: true, ..closing("a") };
        assert_eq!(claim(&group(vec![rung, told]), 0), r#"send [1] "a" drop 0:superseded"#);
    }

    #[test]
    fn a_newer_rung_takes_the_place_of_an_older_one() {
        let older = DueItem { newer_waits: true, ..opened("a") };
        assert_eq!(claim(&group(vec![older]), 0), "drop 0:superseded");
    }

    #[test]
    fn a_frozen_body_goes_again_unchanged() {
        let mut group = group(vec![item("a", Transition::Opened, over()), opened("b")]);
        group.frozen = Some("as it was".into());
        assert_eq!(claim(&group, 0), r#"send [0, 1] "as it was" drop "#);
        group.items.truncate(1);
        assert_eq!(claim(&group, 0), "drop 0:cancelled", "unless nothing of it is true");
    }

    #[test]
    fn a_channel_that_asked_to_wait_waits() {
        let mut group = group(vec![opened("a")]);
        group.health.throttled_until = Some(at(90));
        assert_eq!(claim(&group, 0), "wait 90");
        assert_eq!(claim(&group, 90), r#"send [0] "a" drop "#);
    }

    #[test]
    fn a_broken_channel_waits_for_its_probe_or_for_the_fallback() {
        let mut group = group(vec![opened("a")]);
        group.health.broken = Some((at(0), Class::Broken));
        group.health.probe_at = Some(at(900));
        assert_eq!(claim(&group, 0), "wait 900");
        group.health.probe_at = Some(at(40 * 3600));
        assert_eq!(claim(&group, 0), format!("wait {}", 36 * 3600), "half of the time to its deadline");
        assert_eq!(claim(&group, 36 * 3600), r#"send [0] "a" drop "#, "comes out to be settled");
        group.items[0].delivery.fell_back = true;
        assert_eq!(claim(&group, 36 * 3600), format!("wait {}", 40 * 3600));
        assert_eq!(claim(&group, 40 * 3600), r#"send [0] "a" drop "#, "the probe");
    }
}
