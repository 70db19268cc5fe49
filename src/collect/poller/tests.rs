//! Timers and wishes on a clock that the test moves; the collector is one whose dates are typed.

use std::time::Duration;

use chrono::DateTime;
use tokio::sync::Mutex;

use super::*;
use crate::base::supervise::Supervisor;
use crate::collect::issuer::declared::Typed;
use crate::collect::issuer::walk::tests::stage;
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

struct Stage {
    clock: Clock,
    told: mpsc::Receiver<Walked>,
    roster: Roster,
    supervisor: Supervisor,
}

fn stage() -> Stage {
    let clock = Clock::manual(at(0));
    let metrics = Metrics::new("0", "0", "0");
    let supervisor = Supervisor::new(metrics.clone());
    let (out, told) = mpsc::channel(100);
    let fingerprints = Fingerprints::from_key(b"a key for tests");
    let roster =
        Roster::new(RosterCx { supervisor: supervisor.clone(), out, clock: clock.clone(), metrics, fingerprints });
    Stage { clock, told, roster, supervisor }
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
    stage.roster.poll_now(&"a".into());
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
    stage.roster.set(vec![typed("a", 3600), typed("b", 3600)]);
    stage.end().await;
    stage.end().await;
    stage.roster.set(vec![typed("a", 120)]);
    let end = stage.end().await;
    assert_eq!((end.collector.as_str(), end.walk, end.started_at), ("a", 2, at(0)), "what is typed counts at once");
    stage.silence().await;
    stage.clock.advance_to(at(120));
    let end = stage.end().await;
    assert_eq!((end.collector.as_str(), end.walk), ("a", 3));
    stage.clock.advance_to(at(3600));
    assert_eq!(stage.end().await.collector.as_str(), "a");
    stage.silence().await;
    stage.roster.set(vec![typed("a", 3600), typed("b", 3600)]);
    let again = [stage.end().await, stage.end().await];
    let b = again.iter().find(|end| end.collector.as_str() == "b").expect("it is walked again");
    assert_eq!(b.walk, 2, "numbers rise over a removal");
    stage.supervisor.hard.cancel();
}

#[tokio::test]
async fn a_held_pace_delays_the_next_round() {
    let clock = Clock::manual(at(0));
    let (_keep, collector) = watch::channel(Arc::new(typed("a", 60)));
    let (out, mut told) = mpsc::channel(100);
    let (_wish, wishes) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let cx = PollerCx {
        collector,
        out,
        wishes,
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
