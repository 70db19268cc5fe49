//! Walks against an issuer that the test runs on loopback: paging, pace, refusals, second looks, sights.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use chrono::TimeDelta;

use self::stage::{collector, confirmed, cx, definition, round, secret};
use super::*;
use crate::base::secret::SecretRef;
use crate::collect::issuer::definition::Definition;
use crate::collect::login::{AuthMethod, Login};
use crate::domain::observation::{Life, Origin};
use crate::domain::token::{Expiry, WhyUnknown};

pub mod stage;
mod traces;

const INVENTORY: &str = "login: { kinds: [token], header: PRIVATE-TOKEN }\nkinds: { project: { title: t } }\nconfirm: one\nkey: id\n\
    requests:\n  - { name: projects, mode: inventory, get: /projects, paging: link, yields: items, noun: projects, program: '.[] | { id }' }\n  \
    - { name: tokens, mode: inventory, each: [projects], get: '/projects/{item.id}/tokens', noun: tokens, kind: project, \
        program: '.[] | { id, name, place: ($item.id | tostring), expires, state: \"active\" }' }\n  \
    - { name: one, mode: confirm, get: '/tokens/{item.id}', kind: project, program: '{ id, name, place, expires, state: \"active\" }', \
        answers: [{ status: [404], means: gone }] }\n";

const SELF: &str = "login: { kinds: [token], header: PRIVATE-TOKEN }\nkinds: { personal: { title: t } }\nrequests:\n  \
    - { name: self, mode: inspect, get: /self, sends: value, kind: personal, program: '{ id, expires, state: \"active\" }', \
        answers: [{ status: [401], means: token_dead }] }\n";

/// Path and credential of each request.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// What the issuer saw, and how it answers: by the number of the request and its path.
struct Issuer {
    url: String,
    seen: Seen,
    most_at_once: Arc<AtomicUsize>,
}

impl Issuer {
    #[expect(clippy::disallowed_methods, reason = "a server of a test")]
    async fn run(answer: impl Fn(usize, &str) -> (u16, &'static str, String) + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Seen::default();
        let (most_at_once, at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (log, most, answer) = (seen.clone(), most_at_once.clone(), Arc::new(answer));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (log, most, at_once, answer) = (log.clone(), most.clone(), at_once.clone(), answer.clone());
            async move {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let path = request.uri().to_string();
                let credential = request.headers().get("private-token").map(|value| value.to_str().unwrap().to_owned());
                let nth = {
                    let mut log = log.lock().unwrap();
                    log.push((path.clone(), credential));
                    log.iter().filter(|(seen, _)| *seen == path).count()
                };
                tokio::time::sleep(Duration::from_millis(20)).await;
                let (status, headers, body) = answer(nth, &path);
                at_once.fetch_sub(1, Ordering::SeqCst);
                let mut response = Response::builder().status(status);
                for line in headers.split('|').filter(|line| !line.is_empty()) {
                    let (name, value) = line.split_once(": ").unwrap();
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen, most_at_once }
    }
    fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn ok(body: &str) -> (u16, &'static str, String) {
    (200, "", body.to_owned())
}

fn refusal(status: u16) -> (u16, &'static str, String) {
    (status, "content-type: application/json", "{\"message\":\"no\"}".to_owned())
}

struct Stage {
    dir: tempfile::TempDir,
    collector: Collector,
    cx: WalkCx,
}

fn stage(definition: &Arc<Definition>, url: &str) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let mut collector = collector(definition, Some(url));
    collector.login = Login::Token {
        header: "PRIVATE-TOKEN".into(),
        prefix: String::new(),
        at: secret(&dir, "login", "canary-login"),
    };
    Stage { dir, collector, cx: cx() }
}

#[tokio::test]
async fn an_inventory_is_read_over_its_pages_and_each_listing_ends_whole() {
    let issuer = Issuer::run(|_, path| match path {
        "/projects" => (200, "link: </projects?page=2>; rel=\"next\"", "[{\"id\":1},{\"id\":2}]".into()),
        "/projects?page=2" => ok("[{\"id\":3}]"),
        "/projects/2/tokens" => ok("[]"),
        _ => ok("[{\"id\":\"a\",\"name\":\"deploy\",\"expires\":\"2030-03-01T00:00:00Z\"}]"),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage, Coverage::Whole);
    assert_eq!((walk.end().walk, walk.end().confirm, walk.end().detail.is_none()), (1, false, true));
    assert_eq!(walk.listings().len(), 5, "{:#?}", walk.listings());
    assert!(walk.listings().iter().all(|listing| listing.ends_with(" Whole")));
    assert_eq!(walk.records().iter().filter(|record| record.origin == Origin::Inventory).count(), 2);
    assert!(issuer.seen.lock().unwrap().iter().all(|(_, credential)| credential.as_deref() == Some("canary-login")));
    assert!(stage.cx.metrics.render().contains("forewarn_collector_requests_total{code=\"200\",collector=\"test\"} 5"));
    assert!(!format!("{:?} {:?}", walk.pages, walk.end).contains("canary"));
}

#[tokio::test]
async fn rule_1_3_a_login_that_nobody_tells_about_has_its_own_record() {
    let issuer = Issuer::run(|_, _| ok("[]")).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    let page = walk.pages.iter().find(|page| page.listing.as_str() == "own_login").unwrap();
    let record = &page.records[0];
    assert_eq!(
        (record.origin, record.kind.as_str(), record.name.as_str(), record.place.as_str()),
        (Origin::OwnLogin, "login", "forewarn/test", "")
    );
    assert_eq!((record.life, record.expires), (Life::Active, Expiry::Unknown(WhyUnknown::NotTold)));
    assert_eq!(record.generation, stage.cx.fingerprints.of(b"canary-login"));
    let mut open = stage.collector.clone();
    open.login = Login::None;
    let walk = round(&open, &stage.cx).await;
    assert!(walk.records().is_empty());
}

#[tokio::test]
async fn asks_run_side_by_side_up_to_the_limit() {
    let issuer = Issuer::run(|_, path| match path {
        "/projects" => ok("[1,2,3,4,5,6,7,8,9,10,11,12]").map_ids(),
        _ => ok("[]"),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    assert_eq!(round(&stage.collector, &stage.cx).await.end().coverage, Coverage::Whole);
    assert_eq!((issuer.asked(), issuer.most_at_once.load(Ordering::SeqCst)), (13, 4));
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long it waits")]
fn instant() -> Instant {
    Instant::now()
}

trait MapIds {
    fn map_ids(self) -> Self;
}

impl MapIds for (u16, &'static str, String) {
    fn map_ids(self) -> Self {
        let list: Vec<serde_json::Value> = serde_json::from_str(&self.2).unwrap();
        let items: Vec<_> = list.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
        (self.0, self.1, serde_json::Value::from(items).to_string())
    }
}

#[tokio::test]
async fn a_short_throttle_is_waited_for_inside_the_round() {
    let issuer = Issuer::run(|nth, _| if nth == 1 { (429, "retry-after: 1", "{}".into()) } else { ok("[]") }).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let started = instant();
    assert_eq!(round(&stage.collector, &stage.cx).await.end().coverage, Coverage::Whole);
    assert_eq!(issuer.asked(), 2);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_long_throttle_ends_the_round_and_holds_the_next() {
    let issuer = Issuer::run(|_, path| {
        if path == "/projects" { ok("[1,2,3,4,5,6,7,8,9]").map_ids() } else { (429, "retry-after: 600", "{}".into()) }
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let started = stage.cx.clock.now();
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage.reason(), Some(FailureReason::RateLimited));
    assert!(issuer.asked() <= 5, "one in flight each, then none: {}", issuer.asked());
    let held = stage.cx.pace.held_until().unwrap() - started;
    assert!((TimeDelta::seconds(600)..TimeDelta::seconds(610)).contains(&held), "{held}");
    assert!(
        walk.listings().iter().filter(|listing| listing.contains("RateLimited")).count() >= 9,
        "{:#?}",
        walk.listings()
    );
}

#[tokio::test]
async fn a_sick_issuer_is_tried_three_times_and_its_reason_told() {
    let issuer = Issuer::run(|_, _| (503, "", "{\"errors\":[\"sealed\"]}".into())).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage, Coverage::Failed { reason: FailureReason::Http5xx });
    assert_eq!(walk.end().detail.as_ref().unwrap().as_str(), "503 GET /projects");
    assert_eq!(issuer.asked(), 3);
    let text = stage.cx.metrics.render();
    assert!(text.contains("forewarn_collector_errors_total{collector=\"test\",reason=\"http_5xx\"} 1"), "{text}");
    assert!(text.contains("forewarn_collector_requests_total{code=\"503\",collector=\"test\"} 3"));
}

#[tokio::test]
async fn what_is_not_json_is_told_once_and_says_nothing() {
    let issuer = Issuer::run(|_, _| ok("<html>maintenance</html>")).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage, Coverage::Failed { reason: FailureReason::Decode });
    assert_eq!(issuer.asked(), 1);
    let record = walk.records()[0];
    assert_eq!((record.origin, record.life), (Origin::OwnLogin, Life::Unsaid));
}

#[tokio::test]
async fn a_dead_host_is_left_alone_after_a_few_asks() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut stage = stage(&definition(SELF), &format!("http://{closed}"));
    stage.collector.settings.walks = false;
    stage.collector.settings.inspect =
        (0..100).map(|nth| (format!("t{nth}"), secret(&stage.dir, &format!("t{nth}"), &format!("v{nth}")))).collect();
    let started = instant();
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage, Coverage::Failed { reason: FailureReason::Connect });
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(walk.listings().iter().filter(|listing| listing.starts_with("inspect/")).count(), 100);
    let text = stage.cx.metrics.render();
    let counted = text.lines().find(|line| line.contains("reason=\"connect\"")).unwrap();
    assert!(counted.rsplit(' ').next().unwrap().parse::<u32>().unwrap() <= 14, "{counted}");
}

#[tokio::test]
async fn a_refused_login_is_no_word_against_a_token() {
    let issuer = Issuer::run(|_, _| refusal(401)).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.end().coverage, Coverage::Failed { reason: FailureReason::LoginRefused });
    assert_eq!(issuer.asked(), 1);
}

fn inspecting(issuer: &Issuer, value: &str) -> Stage {
    let mut stage = stage(&definition(SELF), &issuer.url);
    stage.collector.login = Login::None;
    stage.collector.settings.walks = false;
    stage.collector.settings.inspect = vec![("bot".into(), secret(&stage.dir, "bot", value))];
    stage
}

#[tokio::test]
async fn rule_3_4_a_refused_self_inspection_is_asked_once_more_before_it_is_believed() {
    let issuer =
        Issuer::run(
            |nth, _| if nth == 1 { refusal(401) } else { ok("{\"id\":7,\"expires\":\"2030-03-01T00:00:00Z\"}") },
        )
        .await;
    let stage = inspecting(&issuer, "canary-value");
    let started = instant();
    let walk = round(&stage.collector, &stage.cx).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(issuer.asked(), 2);
    let record = walk.records()[0];
    assert_eq!((record.life, record.origin, record.name.as_str()), (Life::Active, Origin::Inspect, "bot"));
    assert_eq!(record.generation, stage.cx.fingerprints.of(b"canary-value"));
    assert_eq!(walk.listings(), ["inspect/bot Whole"]);
    assert!(issuer.seen.lock().unwrap().iter().all(|(_, credential)| credential.as_deref() == Some("canary-value")));
    assert!(!format!("{:?} {:?}", walk.pages, walk.end).contains("canary"));
}

#[tokio::test]
async fn a_stop_before_the_second_look_is_no_verdict() {
    let issuer = Issuer::run(|_, _| refusal(401)).await;
    let stage = inspecting(&issuer, "v");
    let (out, mut told) = mpsc::channel(100);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.cx.stop.cancel();
    };
    tokio::join!(walk(&stage.collector, &stage.cx, &out), stop);
    drop(out);
    while let Some(walked) = told.recv().await {
        let Walked::Page(page) = walked else { panic!("a stopped walk tells no end") };
        assert!(page.records.is_empty(), "{page:?}");
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn rule_3_4_a_dead_value_is_not_asked_each_round_but_a_new_one_is() {
    let issuer = Issuer::run(|_, _| refusal(401)).await;
    let stage = inspecting(&issuer, "dead");
    for _ in 0..3 {
        let walk = round(&stage.collector, &stage.cx).await;
        assert_eq!(walk.records()[0].life, Life::Inactive);
        assert_eq!(walk.end().coverage, Coverage::Whole);
    }
    let before = issuer.asked();
    let quiet = round(&stage.collector, &stage.cx).await;
    assert_eq!((issuer.asked(), quiet.pages.len(), quiet.end().coverage), (before, 0, Coverage::Whole));
    secret(&stage.dir, "bot", "new");
    round(&stage.collector, &stage.cx).await;
    assert!(issuer.asked() > before);
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_the_collectors_error() {
    let issuer = Issuer::run(|_, _| ok("{\"id\":7}")).await;
    let mut stage = inspecting(&issuer, "v");
    stage.collector.settings.inspect.push(("gone".into(), SecretRef::File(stage.dir.path().join("absent"))));
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.listings(), ["inspect/bot Whole", "inspect/gone Failed { reason: NotFound }"]);
    assert_eq!(walk.end().coverage, Coverage::Partial { read: 1, missed: 1, reason: FailureReason::NotFound });
    assert!(walk.end().detail.as_ref().unwrap().as_str().starts_with("inspect.gone: "));
}

#[tokio::test]
async fn a_login_that_cannot_be_read_fails_the_round_under_the_last_sight() {
    let issuer = Issuer::run(|_, _| ok("[]")).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let sight = round(&stage.collector, &stage.cx).await.end().sight;
    std::fs::remove_file(stage.dir.path().join("login")).unwrap();
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(
        (walk.end().coverage, walk.end().sight),
        (Coverage::Failed { reason: FailureReason::LoginRefused }, sight)
    );
    assert!(walk.pages.is_empty());
    assert!(walk.end().detail.as_ref().unwrap().as_str().starts_with("login: "));
}

#[test]
fn rule_3_1_the_sight_is_where_and_as_whom() {
    let stage = stage(&definition(INVENTORY), "http://127.0.0.1:1");
    let of = |collector: &Collector| sight::sight(collector, &stage.cx.fingerprints).unwrap();
    let base = of(&stage.collector);
    let mut other = stage.collector.clone();
    let scope = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).unwrap();
    other.settings.inventory = scope(r#"{"groups":["a","b"],"users":["u"]}"#);
    let narrowed = of(&other);
    assert_ne!(narrowed, base);
    other.settings.inventory = scope(r#"{"users":["u"],"groups":["b","a"]}"#);
    assert_eq!(of(&other), narrowed, "order says nothing");
    other.settings.inspect = vec![("bot".into(), SecretRef::Env("X".into()))];
    assert_eq!(of(&other), narrowed, "a value more to ask is no other sight");
    other.settings.url = Some("http://127.0.0.1:2".parse().unwrap());
    assert_ne!(of(&other), narrowed);
    secret(&stage.dir, "login", "another");
    assert_ne!(of(&stage.collector), base, "an opaque login is who it is");
    let named = |value: &str| {
        let mut collector = stage.collector.clone();
        let secret = secret(&stage.dir, "client", value);
        collector.login = Login::ClientSecret { id: "ci".into(), secret, method: AuthMethod::ClientSecretBasic };
        of(&collector)
    };
    assert_eq!(named("one"), named("two"), "a client stays who it is when its secret is rotated");
}

#[tokio::test]
async fn rule_3_3_a_confirmation_asks_by_id_and_judges_nothing_else() {
    let issuer = Issuer::run(|_, path| match path {
        "/tokens/a" => ok("{\"id\":\"a\",\"name\":\"deploy\",\"place\":\"1\",\"expires\":\"2030-03-01T00:00:00Z\"}"),
        "/tokens/b" => refusal(404),
        _ => refusal(500),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = confirmed(&stage.collector, &stage.cx, &["a".into(), "b".into(), "c".into()]).await;
    assert!(walk.end().confirm);
    let gone: Vec<_> = walk.pages.iter().flat_map(|page| page.gone.clone()).collect();
    assert_eq!(gone, ["b".into()]);
    assert_eq!(walk.records().len(), 1);
    assert!(walk.pages.iter().all(|page| page.listing.as_str() != "own_login"));
    assert!(stage.cx.memory.last().is_none());
}

#[tokio::test]
async fn a_stopped_walk_ends_its_requests_and_tells_no_end() {
    let issuer = Issuer::run(
        |_, path| if path == "/projects" { ok("[1,2,3,4,5,6,7,8,9,10,11,12]").map_ids() } else { ok("[]") },
    )
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let (out, mut told) = mpsc::channel(1);
    let walk = walk(&stage.collector, &stage.cx, &out);
    let first = async {
        // The mailbox holds one page: after the first the walk waits for us.
        let page = told.recv().await;
        stage.cx.stop.cancel();
        let mut ends = 0;
        while let Ok(Some(walked)) = tokio::time::timeout(Duration::from_millis(500), told.recv()).await {
            ends += usize::from(matches!(walked, Walked::End(_)));
        }
        (page.is_some(), ends)
    };
    let (did, heard) = tokio::join!(walk, first);
    assert!(did.is_none(), "a stopped walk is no poll");
    assert_eq!(heard, (true, 0));
    assert!(issuer.asked() < 13, "{}", issuer.asked());
}

#[tokio::test]
async fn the_issuers_clock_is_told_with_its_pages() {
    let issuer = Issuer::run(|_, _| (200, "date: Fri, 01 Mar 2030 00:00:00 GMT", "[]".into())).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    let ahead = walk.pages.iter().find_map(|page| page.issuer_clock).unwrap();
    assert!(ahead > TimeDelta::days(300), "{ahead}");
}

#[tokio::test]
async fn a_long_wait_is_not_sat_out_by_the_asks_beside_it() {
    // One listing is sick and tried again; meanwhile another is told to wait ten minutes.
    let issuer = Issuer::run(|_, path| match path {
        "/projects" => ok("[1,2]").map_ids(),
        "/projects/1/tokens" => (503, "", "{}".into()),
        _ => (429, "retry-after: 600", "{}".into()),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let started = instant();
    assert!(!round(&stage.collector, &stage.cx).await.end().coverage.is_whole());
    assert!(started.elapsed() < Duration::from_secs(10));
    let confirmed = confirmed(&stage.collector, &stage.cx, &["a".into()]).await;
    assert_eq!(confirmed.end().coverage.reason(), Some(FailureReason::RateLimited));
}

fn oauth2(issuer: &Issuer) -> Stage {
    let shipped = crate::collect::issuer::shipped::Definitions::shipped();
    let mut stage = stage(shipped.get("oauth2").expect("oauth2 is shipped"), &issuer.url);
    let secret_at = secret(&stage.dir, "client", "canary-client");
    stage.collector.login =
        Login::ClientSecret { id: "ci".into(), secret: secret_at, method: AuthMethod::ClientSecretBasic };
    stage.collector.settings.walks = false;
    stage.collector.settings.introspection_endpoint =
        Some(format!("{}/token/introspection", issuer.url).parse().unwrap());
    stage.collector.settings.inspect = vec![("deploy-bot".into(), secret(&stage.dir, "bot", "canary-value"))];
    stage
}

#[tokio::test]
async fn an_introspection_tells_of_the_value_and_of_the_login() {
    let issuer =
        Issuer::run(|_, _| (200, "content-type: application/json", "{\"active\":true,\"exp\":1900000000}".into()))
            .await;
    let stage = oauth2(&issuer);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(walk.listings(), ["inspect/deploy-bot Whole", "own_login Whole"]);
    let records = walk.records();
    let bot = records.iter().find(|record| record.origin == Origin::Inspect).unwrap();
    assert_eq!((bot.life, bot.expires.at().map(|at| at.timestamp())), (Life::Active, Some(1_900_000_000)));
    assert_eq!(bot.value, Some(stage.cx.fingerprints.of(b"canary-value")));
    let login = records.iter().find(|record| record.origin == Origin::OwnLogin).unwrap();
    assert_eq!((login.life, &login.generation), (Life::Active, &stage.cx.fingerprints.of(b"canary-client")));
    assert!(!format!("{:?} {:?}", walk.pages, walk.end).contains("canary"));
}

#[tokio::test]
async fn rule_3_5_no_answer_of_an_introspection_server_but_a_clear_one_speaks_against_a_token() {
    let cases = [
        (500, "{\"active\":false}", FailureReason::Http5xx),
        (401, "{\"error\":\"invalid_client\"}", FailureReason::LoginRefused),
        (403, "{\"error\":\"access_denied\"}", FailureReason::LoginRefused),
        (200, "{}", FailureReason::Decode),
        (200, "<html>", FailureReason::Decode),
    ];
    for (status, body, reason) in cases {
        let issuer = Issuer::run(move |_, _| (status, "content-type: application/json", body.to_owned())).await;
        let stage = oauth2(&issuer);
        let walk = round(&stage.collector, &stage.cx).await;
        assert!(walk.records().iter().all(|record| record.origin == Origin::OwnLogin), "{status} {body}");
        let told = walk.end().coverage.reason();
        // Whether a 403 is called forbidden or a refused login is the definition's word.
        let forbidden = status == 403 && told == Some(FailureReason::Forbidden);
        assert!(told == Some(reason) || forbidden, "{status} {body}: {told:?}");
    }
}

#[tokio::test]
async fn the_slot_of_a_login_exists_before_its_issuer_tells_about_it() {
    let issuer = Issuer::run(|nth, path| match path {
        "/me" if nth == 1 => refusal(403),
        "/me" => ok("{\"id\":7,\"name\":\"x\",\"expires\":\"2030-03-01T00:00:00Z\"}"),
        _ => ok("[]"),
    })
    .await;
    let text = format!(
        "{INVENTORY}  - {{ name: me, mode: own_login, get: /me, program: '{{ id, name, expires, state: \"active\" }}' }}\n"
    );
    let stage = stage(&definition(&text), &issuer.url);
    let logins = |walk: &stage::Walk| -> Vec<(Life, bool)> {
        walk.records()
            .iter()
            .filter(|r| r.origin == Origin::OwnLogin)
            .map(|r| (r.life, r.expires.at().is_some()))
            .collect()
    };
    let (before, after) = (round(&stage.collector, &stage.cx).await, round(&stage.collector, &stage.cx).await);
    assert_eq!((logins(&before), logins(&after)), (vec![(Life::Unsaid, false)], vec![(Life::Active, true)]));
    let slot = |walk: &stage::Walk| {
        let record = walk.records().into_iter().find(|record| record.origin == Origin::OwnLogin).unwrap().clone();
        (record.kind, record.place, record.name, record.generation)
    };
    assert_eq!(slot(&before), slot(&after), "one slot, whoever tells about it");
}
