//! Timers and wishes on a clock that the test moves; the collector is one whose dates are typed.

use std::time::Duration;

use chrono::DateTime;
use tokio::sync::Mutex;

use super::*;
use crate::base::supervise::Supervisor;
use crate::collect::issuer::declared::Typed;
use crate::collect::issuer::walk::tests::stage;
use crate::collect::polls::Asked;
use crate::collect::roster::{Roster, RosterCx};
use crate::domain::observation::WalkEnd;

fn at(seconds: i64) -> At {
    DateTime::from_timestamp(1_795_513_200 + seconds, 0).unwrap()
}

fn typed(id: &str, every: u64) -> Collector {
    let definition = stage::definition("source: declared\nkinds: { declared: { title: typed date } }\n");
    let mut collector = stage::collector(&definition, None);
    collector.id = id.into();
    collector.settings.every = Duration::from_secs(every);
    collector.settings.declared =
        vec![Typed { name: "nuget-push".into(), expires: None, issued: None, at: "forewarn.yml:3".into() }];
    collector
}

/// One of an issuer with a server, told to ask it nothing.
fn served(id: &str, every: u64) -> Collector {
    let definition = stage::definition(
        "login: { kinds: [token] }\nkinds: { robot: { title: robot } }\nrequests:\n  - { name: list, mode: inventory, get: /x, kind: robot, program: \".[] | { id }\" }\n",
    );
    let mut collector = stage::collector(&definition, Some("http://127.0.0.1:9"));
    collector.id = id.into();
    collector.settings.every = Duration::from_secs(every);
    collector.settings.walks = false;
    collector
}

struct Stage {
    clock: Clock,
    told: mpsc::Receiver<Walked>,
    roster: Roster,
    supervisor: Supervisor,
    polls: Polls,
}

fn stage() -> Stage {
    let clock = Clock::manual(at(0));
    let metrics = Metrics::new("0", "0", "0");
    let supervisor = Supervisor::new(metrics.clone());
    let (out, told) = mpsc::channel(100);
    let fingerprints = Fingerprints::from_key(b"a key for tests");
    let polls = Polls::default();
    let cx = RosterCx {
        supervisor: supervisor.clone(),
        out,
        clock: clock.clone(),
        metrics,
        fingerprints,
        polls: polls.clone(),
    };
    Stage { clock, told, roster: Roster::new(cx), supervisor, polls }
}

impl Stage {
    async fn end(&mut self) -> WalkEnd {
        loop {
            match tokio::time::timeout(Duration::from_secs(5), self.told.recv())
                .await
                .expect("a walk ends")
                .expect("the poller lives")
            {
                Walked::End(end) => return end,
                Walked::Page(page) => assert_eq!(page.records.len(), 1),
            }
        }
    }
    /// What is under way ends, if there is something.
    async fn silence_or_end(&mut self) {
        while tokio::time::timeout(Duration::from_millis(50), self.told.recv()).await.is_ok() {}
    }
    async fn silence(&mut self) {
        let heard = tokio::time::timeout(Duration::from_millis(50), self.told.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }
}

#[tokio::test]
async fn the_first_round_is_at_once_and_the_next_after_every() {
    let mut stage = stage();
    stage.roster.set(vec![typed("a", 60)]);
    let first = stage.end().await;
    assert_eq!((first.walk, first.started_at, first.confirm), (1, at(0), false));
    stage.clock.advance_to(at(56));
    stage.silence().await;
    stage.clock.advance_to(at(60));
    assert_eq!(stage.end().await.walk, 2);
    stage.supervisor.soft.cancel();
    assert!(stage.supervisor.drained().await.is_empty());
}

#[tokio::test]
async fn a_wish_brings_a_round_forward_but_never_hurries() {
    let mut stage = stage();
    stage.roster.set(vec![typed("a", 3600)]);
    stage.end().await;
    stage.clock.advance_to(at(4));
    assert_eq!(stage.polls.ask(&"a".into(), at(4)), Asked::Now);
    stage.silence().await;
    stage.clock.advance_to(at(10));
    assert_eq!(stage.end().await.walk, 2);
    stage.roster.wish(&"a".into(), Wish::Round { by: at(300) });
    stage.roster.wish(&"a".into(), Wish::Round { by: at(500) });
    stage.clock.advance_to(at(299));
    stage.silence().await;
    stage.clock.advance_to(at(300));
    assert_eq!(stage.end().await.started_at, at(300));
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn people_ask_for_a_poll_and_read_what_it_did() {
    let mut stage = stage();
    let a = "a".into();
    assert_eq!(stage.polls.ask(&a, at(0)), Asked::Unknown);
    stage.roster.set(vec![typed("a", 3600)]);
    stage.end().await;
    stage.clock.advance_to(at(100));
    assert_eq!((stage.polls.ask(&a, at(100)), stage.polls.ask(&a, at(101))), (Asked::Now, Asked::Later(9)));
    assert_eq!(stage.end().await.started_at, at(100));
    stage.silence().await;
    let polls = stage.polls.of(&a);
    let seen: Vec<_> = polls.iter().map(|poll| (poll.number, poll.started_at, poll.records, poll.coverage)).collect();
    assert_eq!(seen, [(2, at(100), 1, 1.0), (1, at(0), 1, 1.0)]);
    // A reload keeps the book, a removal forgets it.
    stage.roster.set(vec![typed("a", 3600)]);
    stage.silence_or_end().await;
    assert!(stage.polls.of(&a).len() >= 2);
    stage.roster.set(Vec::new());
    assert!(stage.polls.of(&a).is_empty());
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn a_confirmation_is_asked_at_once_and_is_no_round() {
    let mut stage = stage();
    stage.roster.set(vec![typed("a", 60)]);
    stage.end().await;
    stage.roster.wish(&"a".into(), Wish::Confirm(vec!["1".into(), "2".into()]));
    let end = stage.end().await;
    assert!(end.confirm);
    stage.clock.advance_to(at(60));
    assert!(!stage.end().await.confirm);
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn a_reload_keeps_the_timer_and_takes_the_new_interval() {
    let mut stage = stage();
    stage.roster.set(vec![served("a", 3600), served("b", 3600)]);
    stage.end().await;
    stage.end().await;
    stage.roster.set(vec![served("a", 120)]);
    stage.silence().await;
    stage.clock.advance_to(at(120));
    let end = stage.end().await;
    assert_eq!((end.collector.as_str(), end.walk), ("a", 2));
    stage.clock.advance_to(at(3600));
    assert_eq!(stage.end().await.collector.as_str(), "a");
    stage.silence().await;
    stage.roster.set(vec![served("a", 3600), served("b", 3600)]);
    let again = stage.end().await;
    assert_eq!((again.collector.as_str(), again.walk), ("b", 2), "numbers rise over a removal");
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn a_reload_reads_typed_dates_at_once() {
    let mut stage = stage();
    stage.roster.set(vec![typed("a", 3600)]);
    stage.end().await;
    stage.clock.advance_to(at(3));
    stage.roster.set(vec![typed("a", 3600)]);
    let end = stage.end().await;
    assert_eq!((end.walk, end.started_at), (2, at(3)));
    stage.silence().await;
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn a_held_pace_delays_the_next_round() {
    let clock = Clock::manual(at(0));
    let (_keep, collector) = watch::channel(Arc::new(typed("a", 60)));
    let (out, mut told) = mpsc::channel(100);
    let (_wish, wishes) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let polls = Polls::default();
    let cx = PollerCx {
        collector,
        out,
        wishes,
        polls: polls.clone(),
        asked: polls.watch(&"a".into()),
        clock: clock.clone(),
        metrics: Metrics::new("0", "0", "0"),
        fingerprints: Fingerprints::from_key(b"a key for tests"),
        stop: stop.clone(),
        spread: Duration::ZERO,
        walks: Arc::default(),
        state: State::default(),
    };
    let cx = Arc::new(Mutex::new(cx));
    let pace = Arc::new(Pace::new(cx.lock().await.collector.borrow().definition.limits, 4));
    pace.hold(at(500));
    cx.lock().await.state.pace = Some(pace);
    let supervisor = Supervisor::new(Metrics::new("0", "0", "0"));
    let task = cx.clone();
    supervisor.spawn_until("poller", crate::base::supervise::Fate::Restart, stop, move || {
        let task = task.clone();
        async move { run(&mut *task.lock().await).await }
    });
    let mut walks = 0;
    // The first round is due before anyone could have asked to wait; a typed date needs no issuer.
    for seconds in [0, 60, 499, 500] {
        clock.advance_to(at(seconds));
        while let Ok(Some(walked)) = tokio::time::timeout(Duration::from_millis(50), told.recv()).await {
            walks += usize::from(matches!(walked, Walked::End(_)));
        }
        let held = if seconds < 500 { Asked::Held(at(500)) } else { Asked::Now };
        assert_eq!(polls.ask(&"a".into(), at(seconds)), held, "at {seconds} s");
        let expected = if seconds < 500 { 1 } else { 2 };
        assert_eq!(walks, expected, "at {seconds} s");
    }
    supervisor.hard.cancel();
}

#[tokio::test]
async fn a_poller_that_is_started_again_goes_on_where_it_was() {
    let clock = Clock::manual(at(0));
    let (_keep, collector) = watch::channel(Arc::new(typed("a", 60)));
    let (out, mut told) = mpsc::channel(100);
    let (_wish, wishes) = mpsc::channel(1);
    let mut cx = PollerCx {
        collector,
        out,
        wishes,
        polls: Polls::default(),
        asked: Arc::default(),
        clock: clock.clone(),
        metrics: Metrics::new("0", "0", "0"),
        fingerprints: Fingerprints::from_key(b"a key for tests"),
        stop: CancellationToken::new(),
        spread: Duration::ZERO,
        walks: Arc::default(),
        state: State::default(),
    };
    let mut numbers = Vec::new();
    for seconds in [0, 30, 60] {
        clock.advance_to(at(seconds));
        // Cut short, as by a panic, and begun anew.
        assert!(tokio::time::timeout(Duration::from_millis(100), run(&mut cx)).await.is_err());
        while let Ok(walked) = told.try_recv() {
            if let Walked::End(end) = walked {
                numbers.push((seconds, end.walk));
            }
        }
    }
    assert_eq!(numbers, [(0, 1), (60, 2)]);
}

#[test]
fn intervals_are_shortened_by_at_most_a_twentieth() {
    let collector = typed("a", 900);
    let spans: Vec<i64> = (0..200)
        .map(|nth| Timer { next: at(0), started: Some(at(nth)) }.after(&collector, at(0)) - at(nth))
        .map(|span| span.num_seconds())
        .collect();
    assert!(spans.iter().all(|span| (855..=900).contains(span)), "{spans:?}");
    assert!(spans.iter().collect::<std::collections::BTreeSet<_>>().len() > 20);
    let often = typed("a", 2);
    assert_eq!(Timer { next: at(0), started: Some(at(7)) }.after(&often, at(7)), at(9));
    assert_eq!(Timer { next: at(0), started: Some(at(7)) }.after(&often, at(70)), at(70), "late is now");
}
