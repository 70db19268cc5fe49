//! What a reader of a large fleet waits for: pages of the list, filters, one token, beside a bare walk over the
//! inventory. No assertion on time. `cargo bench --profile fast --bench answers [-- TOKENS]`; 100,000 unless told.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::unwrap_used, reason = "a measuring program")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use forewarn::domain::At;
use forewarn::domain::key::SightId;
use forewarn::domain::observation::{Life, Observation, Origin, Record, Walked};
use forewarn::domain::token::{End, EndedHow, Expiry};
use forewarn::judge::evaluate::almanac::Almanac;
use forewarn::judge::evaluate::rules::{CollectorRules, Rules, Sections};
use forewarn::judge::tell::route::Routes;
use forewarn::judge::world::{Event, World};
use forewarn::show::answers::explanation::find;
use forewarn::show::answers::filter::Filter;
use forewarn::show::answers::shapes::{Days, Explanation, Pipelines, Tokens};
use forewarn::show::answers::tokens::Paging;

fn main() {
    let tokens = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000usize);
    let now = DateTime::from_timestamp(1_795_513_200, 0).unwrap();
    let world = world(tokens, now);
    let bare = best(|| {
        world.inventory.each(None, &mut |token, standing| {
            black_box((token, standing));
        });
    });
    println!("{tokens} tokens; a bare walk: {:.1} ms", bare * 1e3);
    let paging = Paging { offset: 0, limit: 100 };
    let far = Paging { offset: tokens / 2, limit: 1000 };
    for (words, paging) in [
        (&[][..], paging),
        (&[][..], far),
        (&["team=platform"][..], paging),
        (&["name=bot-*7", "needs"][..], paging),
        (&["needs"][..], paging),
        (&["q=bot-0777"][..], paging),
        (&["finding=unused"][..], paging),
    ] {
        let filter = Filter::words(words).unwrap();
        let took = best(|| drop(black_box(Tokens::of(&world, &filter, paging, now))));
        println!("  tokens {words:?} from {}: {:.1} ms, {:.1} walks", paging.offset, took * 1e3, took / bare);
    }
    let open = Filter::default();
    for (name, took) in [
        ("pipelines", best(|| drop(black_box(Pipelines::of(&world, &open, now))))),
        ("days", best(|| drop(black_box(Days::of(&world, &open, now))))),
        (
            "one token",
            best(|| {
                let key = find(&world, "git/place-7/bot-000007").unwrap();
                drop(black_box(Explanation::of(&world, &key, &[], now)));
            }),
        ),
        ("no such token", best(|| _ = black_box(find(&world, "git/place-7/bto-000007").is_err()))),
    ] {
        println!("  {name}: {:.1} ms, {:.2} walks", took * 1e3, took / bare);
    }
}

/// The quickest of a few runs, seconds.
fn best(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let from = Instant::now();
        run();
        from.elapsed().as_secs_f64()
    };
    (0..5).map(once).fold(f64::INFINITY, f64::min)
}

fn world(tokens: usize, now: At) -> World {
    let sections = Sections {
        policies: serde_json::from_value(serde_json::json!([
            { "match": { "token": "git/**" }, "team": "platform" },
            { "match": { "name": "bot-*[0-4]" }, "schedule": "half", "pipelines": ["checkout"] },
        ]))
        .unwrap(),
        schedules: serde_json::from_value(serde_json::json!({ "half": { "every": "180d", "by": "hand" } })).unwrap(),
        pipelines: serde_json::from_value(serde_json::json!({ "checkout": {} })).unwrap(),
        ..Sections::default()
    };
    let collector = CollectorRules {
        id: "git".into(),
        issuer: "gitlab".into(),
        title: "GitLab".into(),
        login: None,
        least: "read_api".into(),
        host: "git.example.com".into(),
        url: "https://git.example.com".into(),
        explicit: None,
        every: 900,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: false,
        kinds: vec![],
        ignore: vec![],
        slots_by_id: false,
        max_tokens: 10_000_000,
        rotate: "rotate it".into(),
        tells_expiry: true,
    };
    let rules = Rules::compile(&sections, vec![collector]).unwrap();
    let mut world = World::new(Arc::new(rules), Arc::new(Routes::default()), now);
    let mut almanac = Almanac::default();
    for page in (0..tokens).collect::<Vec<_>>().chunks(1000) {
        let observation = Observation {
            collector: "git".into(),
            sight: SightId(1),
            walk: 1,
            listing: "tokens".into(),
            ends: None,
            taken_at: now,
            issuer_clock: None,
            records: page.iter().map(|nth| record(*nth, now)).collect(),
            listed: vec![],
            gone: vec![],
            rejects: vec![],
            left_out: vec![],
        };
        let decision = world.decide(&Event::Walked(Walked::Page(observation)), &mut almanac, now);
        world.apply(decision);
    }
    world
}

/// Ends spread over two years, one in twenty never.
fn record(nth: usize, now: At) -> Record {
    let end = now + TimeDelta::hours(((nth * 7919) % 17_520) as i64 - 200);
    let expires = if nth % 20 == 0 { Expiry::Never } else { Expiry::At(End::hard(end)) };
    Record {
        origin: Origin::Inventory,
        kind: "project".into(),
        person: false,
        place: format!("{}", nth % 500).as_str().into(),
        place_path: format!("place-{}", nth % 500).as_str().into(),
        name: format!("bot-{nth:06}").as_str().into(),
        generation: format!("{nth}").as_str().into(),
        owner: None,
        issued: Some(now - TimeDelta::days((nth % 300) as i64)),
        starts: None,
        expires,
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: None,
        scopes: vec!["read_api".into()],
        life: Life::Active,
        life_word: None,
        dynamic: None,
        facts: Vec::new(),
        uses_left: None,
        link: None,
        value: None,
        doubt: None,
    }
}
