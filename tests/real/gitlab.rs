//! The program against a model of GitLab behind a real socket: what is listed is seen, what cannot be read is not concluded.

use std::time::Duration;

use serde_json::json;

use crate::support::eventually;
use crate::support::gitlab::{API, DEEP, Fault, GitLab, LOGIN, Of, PLATFORM, SHOP, WEB, day, first_second};
use crate::support::program::{Program, value};
use crate::support::sinks::Slack;

const SOON: Duration = Duration::from_secs(15);
/// Some rounds of two seconds.
const ROUNDS: Duration = Duration::from_secs(8);

struct Scene {
    gitlab: GitLab,
    slack: Slack,
    program: Program,
}

/// `more`: further keys of the collector. `before`: what GitLab holds at the first round.
async fn scene(more: &str, before: impl AsyncFnOnce(&GitLab)) -> Scene {
    let (gitlab, slack) = (GitLab::start().await, Slack::start().await);
    before(&gitlab).await;
    let config = format!(
        r#"
collectors:
  gitlab:
    issuer: gitlab
    url: {}
    login: {{ token: {{ env: GITLAB_TOKEN }} }}
    every: 2s
    timeout: 2s
{more}
pipelines: {{ deploy-prod: {{}} }}
policies:
  - {{ match: {{ collector: gitlab }}, team: platform }}
  - {{ match: {{ name: "ci-*" }}, pipelines: [deploy-prod] }}
channels:
  chat: {{ slack: {{ webhook_url: {{ env: SLACK_WEBHOOK }} }} }}
metrics: {{ also: [last_used, issued] }}
"#,
        gitlab.url
    );
    let mut program = Program::new(&config, &[("GITLAB_TOKEN", LOGIN), ("SLACK_WEBHOOK", &slack.url)]);
    program.start().await;
    program.series("forewarn_collector_up{collector=\"gitlab\"} 1", SOON).await;
    Scene { gitlab, slack, program }
}

/// A token good for a year, made 100 days ago.
fn old(gitlab: &GitLab, of: Of, name: &str, ends_in: i64) -> u64 {
    let id = gitlab.token(of, name, Some(&day(ends_in)));
    gitlab.change(id, |token| token.created_at = day(-100) + "T10:00:00.000Z");
    id
}

fn token(family: &str, name: &str) -> String {
    format!("forewarn_token_{family}{{collector=\"gitlab\",token=\"gitlab/{name}\"")
}

fn finding(name: &str, finding: &str) -> String {
    token("finding", name) + &format!(",finding=\"{finding}\"")
}

impl Scene {
    /// So many rounds from now on, by the listing of the groups.
    async fn rounds(&self, count: usize) {
        let before = self.gitlab.asked("/groups");
        eventually("the rounds go on", Duration::from_secs(30), async || {
            (self.gitlab.asked("/groups") > before + count).then_some(())
        })
        .await;
    }

    async fn coverage(&self) -> f64 {
        value(&self.program.series("forewarn_collector_coverage_ratio{collector=\"gitlab\"}", SOON).await)
    }

    async fn lacks(&self, start: &str) {
        let page = self.program.metrics().await;
        let found = page.lines().find(|line| line.starts_with(start));
        assert_eq!(found, None, "the log is {}", self.program.path("stderr.log").display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_seen_with_its_exact_end() {
    let scene = scene("", async |gitlab| {
        gitlab.token(Of::Group(PLATFORM), "of-the-group", Some("2030-03-01"));
        gitlab.token(Of::Group(DEEP), "of-the-subgroup", Some("2030-04-01"));
        let used = gitlab.token(Of::Project(API), "ci-deploy", Some("2030-05-01"));
        gitlab.change(used, |token| token.last_used_at = Some("2026-10-01T12:00:00.000Z".into()));
        gitlab.token(Of::Project(WEB), "for-ever", None);
        gitlab.deploy_token(Of::Group(SHOP), "pull", Some("2030-06-01T08:30:00.000Z"));
        gitlab.deploy_token(Of::Project(API), "pull", None);
        gitlab.token(Of::User(7), "laptop", Some("2030-07-01"));
        // The same name in two places is two tokens.
        gitlab.token(Of::Project(WEB), "ci-deploy", Some("2030-08-01"));
    })
    .await;
    let program = &scene.program;
    for (name, end) in [
        ("platform/of-the-group", first_second("2030-03-01")),
        ("platform/deep/of-the-subgroup", first_second("2030-04-01")),
        ("platform/deep/api/ci-deploy", first_second("2030-05-01")),
        ("shop/pull", first_second("2030-06-01") + 8 * 3600 + 30 * 60),
        ("shop/web/ci-deploy", first_second("2030-08-01")),
    ] {
        let line = program.series(&token("expiry_timestamp_seconds", name), SOON).await;
        assert_eq!(value(&line) as i64, end, "the exact end of {name}");
    }
    for (name, kind) in [
        ("platform/of-the-group", "group"),
        ("platform/deep/api/ci-deploy", "project"),
        ("platform/deep/api/pull", "deploy"),
    ] {
        let line = program.series(&token("info", name), SOON).await;
        assert!(line.contains(&format!("kind=\"{kind}\"")), "{line}");
    }
    program.series(&token("never_expires", "shop/web/for-ever"), SOON).await;
    program.series(&token("never_expires", "platform/deep/api/pull"), SOON).await;
    let used = program.series(&token("last_used_timestamp_seconds", "platform/deep/api/ci-deploy"), SOON).await;
    assert_eq!(value(&used) as i64, first_second("2026-10-01") + 12 * 3600);

    // The login sees itself twice: by itself, and in its group. It is one token.
    let login = "forewarn_token_expiry_timestamp_seconds{collector=\"gitlab\",token=\"forewarn/gitlab\"}";
    assert_eq!(value(&program.series(login, SOON).await) as i64, first_second(&day(200)));
    scene.rounds(2).await;
    let page = program.metrics().await;
    assert!(!page.contains("forewarn-reader"), "the login is doubled: {page}");
    // No administrator: personal tokens cannot be seen, and that is no failure.
    assert!(!page.contains("laptop"));
    assert_eq!(scene.coverage().await, 1.0);
    assert!(page.contains("forewarn_collector_tokens{collector=\"gitlab\"} 8"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_closes_what_was_open_and_a_revocation_rings() {
    let mut ids = (0, 0);
    let scene = scene("", async |gitlab| {
        ids = (old(gitlab, Of::Project(API), "ci-deploy", 5), old(gitlab, Of::Project(API), "ci-scan", 200));
        old(gitlab, Of::Project(WEB), "other", 200);
    })
    .await;
    let Scene { gitlab, slack, program } = &scene;
    program.series(&finding("platform/deep/api/ci-deploy", "expires_soon"), SOON).await;
    slack.message(0, "ci-deploy", SOON).await;
    let heard = slack.texts().len();

    gitlab.rotate(ids.0, "2030-05-01");
    slack.message(heard, "otated", SOON).await;
    program.no_series(&finding("platform/deep/api/ci-deploy", "expires_soon"), SOON).await;
    let line = program.series(&token("expiry_timestamp_seconds", "platform/deep/api/ci-deploy"), SOON).await;
    assert_eq!(value(&line) as i64, first_second("2030-05-01"));
    scene.lacks(&token("finding", "platform/deep/api/ci-deploy")).await;

    let heard = slack.texts().len();
    gitlab.change(ids.1, |token| token.revoked = true);
    program.series(&finding("platform/deep/api/ci-scan", "revoked"), SOON).await;
    let message = slack.message(heard, "evoked", SOON).await;
    assert!(message.contains("ci-scan") && message.contains("deploy-prod"), "{message}");
    scene.rounds(2).await;
    assert_eq!(slack.texts().len(), heard + 1, "{:#?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_token_has_vanished_after_two_complete_listings() {
    let mut id = 0;
    let scene = scene("", async |gitlab| {
        id = old(gitlab, Of::Project(API), "ci-deploy", 200);
        old(gitlab, Of::Project(API), "stays", 200);
        old(gitlab, Of::Project(WEB), "other", 200);
    })
    .await;
    let Scene { gitlab, program, .. } = &scene;
    let listing = format!("/projects/{API}/access_tokens");
    program.series(&token("info", "platform/deep/api/ci-deploy"), SOON).await;
    // While the listing cannot be read, nothing is concluded.
    for (status, body) in [(403, "{\"message\":\"403 Forbidden\"}"), (500, "oops")] {
        gitlab.fault(&listing, Some(Fault::Status(status, body)));
        gitlab.delete(id);
        let before = gitlab.asked(&listing);
        eventually("three rounds", Duration::from_secs(40), async || {
            (gitlab.asked(&listing) > before + 3 && scene.coverage().await < 1.0).then_some(())
        })
        .await;
        for name in ["platform/deep/api/ci-deploy", "platform/deep/api/stays"] {
            scene.lacks(&finding(name, "vanished")).await;
            scene.lacks(&finding(name, "revoked")).await;
            program.series(&token("info", name), SOON).await;
        }
    }
    // The others are judged all the same.
    let fresh = old(gitlab, Of::Project(WEB), "fresh", 5);
    program.series(&finding("shop/web/fresh", "expires_soon"), SOON).await;
    gitlab.change(fresh, |token| token.revoked = true);
    program.series(&finding("shop/web/fresh", "revoked"), SOON).await;

    gitlab.fault(&listing, None);
    let before = gitlab.asked(&listing);
    program.series(&finding("platform/deep/api/ci-deploy", "vanished"), SOON).await;
    let rounds = gitlab.asked(&listing) - before;
    assert!(rounds >= 2, "gone from {rounds} complete listing only");
    scene.lacks(&finding("platform/deep/api/stays", "vanished")).await;
    eventually("everything is read again", SOON, async || (scene.coverage().await == 1.0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_of_a_removed_project_vanish() {
    let scene = scene("", async |gitlab| {
        old(gitlab, Of::Project(API), "ci-deploy", 200);
        old(gitlab, Of::Group(SHOP), "stays", 200);
        old(gitlab, Of::Project(WEB), "other", 200);
    })
    .await;
    let Scene { gitlab, program, .. } = &scene;
    program.series(&token("info", "platform/deep/api/ci-deploy"), SOON).await;
    let parent = format!("/groups/{DEEP}/projects");
    gitlab.fault(&parent, Some(Fault::Status(500, "oops")));
    gitlab.model().projects.remove(&API);
    scene.rounds(3).await;
    scene.lacks(&finding("platform/deep/api/ci-deploy", "vanished")).await;
    gitlab.fault(&parent, None);
    let before = gitlab.asked(&parent);
    program.series(&finding("platform/deep/api/ci-deploy", "vanished"), SOON).await;
    assert!(gitlab.asked(&parent) - before >= 2, "two complete listings of the projects");
    for name in ["shop/stays", "shop/web/other"] {
        scene.lacks(&finding(name, "vanished")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_pages_are_read_whole_and_a_failed_one_concludes_nothing() {
    let mut last = 0;
    let scene = scene("    inventory: { groups: [shop] }", async |gitlab| {
        for nth in 0..300 {
            last = old(gitlab, Of::Project(WEB), &format!("bot-{nth:03}"), 200);
        }
        old(gitlab, Of::Group(PLATFORM), "outside", 200);
    })
    .await;
    let Scene { gitlab, program, .. } = &scene;
    // 300 and the login.
    program.series("forewarn_collector_tokens{collector=\"gitlab\"} 301", SOON).await;
    scene.lacks(&token("info", "platform/outside")).await;
    let pages: Vec<String> = gitlab.model().asked.iter().filter(|a| a.contains("/12/access_tokens")).cloned().collect();
    assert!((1..=3).all(|page| pages.iter().any(|a| page == 1 || a.contains(&format!("page={page}&")))), "{pages:?}");
    let outside = format!("/groups/{PLATFORM}");
    assert!(!gitlab.model().asked.iter().any(|asked| asked.starts_with(&outside)), "nothing outside was asked");
    assert_eq!(gitlab.asked("/groups"), 0);

    let listing = format!("/projects/{WEB}/access_tokens");
    let faults =
        [Fault::Status(502, "bad gateway"), Fault::Truncated, Fault::Slow(Duration::from_secs(5)), Fault::Html];
    gitlab.delete(last);
    for fault in faults {
        gitlab.fault(&format!("{listing}?page=2"), Some(fault));
        let before = gitlab.asked(&format!("/groups/{SHOP}/projects"));
        eventually("two rounds that miss a page", Duration::from_secs(30), async || {
            (gitlab.asked(&format!("/groups/{SHOP}/projects")) > before + 2 && scene.coverage().await < 1.0)
                .then_some(())
        })
        .await;
        for name in ["shop/web/bot-150", "shop/web/bot-299"] {
            scene.lacks(&token("finding", name)).await;
            program.series(&token("info", name), SOON).await;
        }
    }
    gitlab.fault(&format!("{listing}?page=2"), None);
    program.series(&finding("shop/web/bot-299", "vanished"), SOON).await;
    scene.lacks(&token("finding", "shop/web/bot-150")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_brings_new_words_fails_nothing() {
    let mut ids = (0, 0);
    let scene = scene("", async |gitlab| {
        ids = (old(gitlab, Of::Project(API), "ci-deploy", 200), old(gitlab, Of::Project(API), "odd", 200));
    })
    .await;
    let Scene { gitlab, program, slack } = &scene;
    program.series(&token("info", "platform/deep/api/odd"), SOON).await;
    let heard = slack.texts().len();
    gitlab.change(ids.0, |token| {
        token.scopes.push("manage_the_moon".into());
        token.more = json!({ "last_used_ips": ["192.0.2.1"], "granular": true, "token_kind": { "v": 2 } });
    });
    gitlab.change(ids.1, |token| token.more = json!({ "expires_at": "at the end of days" }));
    // A date that cannot be read is unknown, and said so: neither an end nor `never`.
    program.series(&finding("platform/deep/api/odd", "unverified"), SOON).await;
    scene.rounds(2).await;
    assert_eq!(scene.coverage().await, 1.0);
    program.series(&token("expiry_timestamp_seconds", "platform/deep/api/ci-deploy"), SOON).await;
    let odd = program.series(&token("info", "platform/deep/api/odd"), SOON).await;
    // The end that was read before stands meanwhile.
    assert!(odd.contains("expiry=\"at\"") && odd.contains("state=\"unverified\""), "{odd}");
    scene.lacks(&finding("platform/deep/api/odd", "vanished")).await;
    assert!(slack.texts()[heard..].iter().all(|text| !text.contains("ci-deploy")), "{:#?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_tokens_are_watched_where_they_are_asked_for() {
    let scene = scene("    kinds: [personal]", async |gitlab| {
        gitlab.model().admin = true;
        old(gitlab, Of::User(7), "laptop", 200);
        // The token of a bot user stands in both listings.
        old(gitlab, Of::Project(API), "ci-deploy", 200);
        gitlab.deploy_token(Of::Project(API), "pull", Some("2030-06-01T08:30:00.000Z"));
    })
    .await;
    let program = &scene.program;
    let line = program.series(&token("info", "users/7/laptop"), SOON).await;
    assert!(line.contains("kind=\"personal\""), "{line}");
    program.series(&token("info", "platform/deep/api/ci-deploy"), SOON).await;
    scene.rounds(3).await;
    let page = program.metrics().await;
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("forewarn_token_info")).collect();
    assert_eq!(lines.len(), 4, "laptop, ci-deploy, pull, the login, each once: {lines:#?}");
    let vanished = |line: &&str| line.starts_with("forewarn_token_finding") && line.contains("vanished");
    assert_eq!(page.lines().find(vanished), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_break_no_page_and_no_message() {
    let names = [
        "x\"} 1\nforewarn_up 0",
        "<!channel> <https://evil.example|click>",
        "\u{202e}desrever\u{0000}",
        "../../../etc/passwd",
        "",
        "ci-{{7*7}}\\",
    ];
    let long = "n".repeat(5000);
    let scene = scene("", async |gitlab| {
        for name in names.into_iter().chain([long.as_str()]) {
            let id = old(gitlab, Of::Project(API), name, 200);
            gitlab.change(id, |token| token.scopes.push(name.to_owned()));
        }
        let id = old(gitlab, Of::Project(API), "ci-<!channel>", 3);
        gitlab.change(id, |token| token.user_id = 1);
    })
    .await;
    let Scene { program, slack, .. } = &scene;
    program.series("forewarn_collector_tokens{collector=\"gitlab\"} 9", SOON).await;
    let page = program.metrics().await;
    assert!(!page.contains("\u{202e}") && !page.contains('\0'), "{page}");
    assert!(page.lines().all(|line| line.starts_with('#') || line.starts_with(|c: char| c.is_ascii_lowercase())));
    assert!(!page.lines().any(|line| line.starts_with("forewarn_up")));
    let labels = page.lines().filter(|line| line.starts_with("forewarn_token_info"));
    assert!(labels.clone().all(|line| line.len() < 600), "{page}");
    let message = slack.message(0, "channel", SOON).await;
    assert!(!message.contains("<!channel>"), "{message}");
    assert_eq!(scene.coverage().await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_or_refused_round_concludes_nothing() {
    let scene = scene("", async |gitlab| {
        old(gitlab, Of::Project(API), "ci-deploy", 200);
        old(gitlab, Of::Project(WEB), "other", 200);
    })
    .await;
    let Scene { gitlab, program, slack } = &scene;
    program.series(&token("info", "platform/deep/api/ci-deploy"), SOON).await;
    let heard = slack.texts().len();
    let listing = format!("/projects/{API}/access_tokens");
    gitlab.fault(&listing, Some(Fault::Throttled(1)));
    program.series("forewarn_collector_requests_total{code=\"429\",collector=\"gitlab\"}", SOON).await;
    gitlab.fault(&listing, None);
    // The login is refused: everything is unknown, nothing has ended.
    let login = gitlab.model().values.remove(LOGIN).unwrap();
    program.series("forewarn_collector_up{collector=\"gitlab\"} 0", Duration::from_secs(80)).await;
    let login_failing =
        "forewarn_token_finding{collector=\"gitlab\",token=\"forewarn/gitlab\",finding=\"collector_failing\"";
    program.series(login_failing, SOON).await;
    for name in ["platform/deep/api/ci-deploy", "shop/web/other"] {
        for ended in ["vanished", "revoked", "expired"] {
            scene.lacks(&finding(name, ended)).await;
        }
    }
    gitlab.model().values.insert(LOGIN.to_owned(), login);
    program.series("forewarn_collector_up{collector=\"gitlab\"} 1", SOON).await;
    tokio::time::sleep(ROUNDS).await;
    scene.lacks(&token("finding", "platform/deep/api/ci-deploy")).await;
    assert!(slack.texts()[heard..].iter().all(|text| !text.contains("ci-deploy")), "{:#?}", slack.texts());
}
