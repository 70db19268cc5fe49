//! What a walk tells people about itself: every request with its path, status and failure, and never a value.

use super::*;
use crate::domain::poll::Poll;
use crate::domain::reason::RejectReason;

fn poll(walk: &stage::Walk) -> &Poll {
    &walk.did.as_ref().expect("a walk that is not stopped tells what it did").poll
}

/// `tokens GET /projects/1/tokens 200 1 -`: request, method, path, status, records, failure.
fn lines(walk: &stage::Walk) -> Vec<String> {
    let line = |r: &crate::domain::poll::PollRequest| {
        let status = r.status.map_or("-".to_owned(), |status| status.to_string());
        let failure = r.failure.map_or("-", FailureReason::as_str);
        format!("{} {} {} {status} {} {failure}", r.request, r.method, r.path, r.records)
    };
    poll(walk).requests.iter().map(line).collect()
}

fn notes(walk: &stage::Walk) -> Vec<Vec<&str>> {
    let notes = &walk.did.as_ref().unwrap().notes;
    notes.iter().map(|notes| notes.iter().map(Text::as_str).filter(|note| !note.contains("date: ")).collect()).collect()
}

#[tokio::test]
async fn every_request_is_told_with_its_path_and_without_its_query() {
    let issuer = Issuer::run(|_, path| match path {
        "/projects" => (200, "link: </projects?page=2>; rel=\"next\"", "[{\"id\":1}]".into()),
        "/projects?page=2" => ok("[]"),
        _ => ok("[{\"id\":\"a\",\"name\":\"deploy\",\"expires\":\"2030-03-01T00:00:00Z\"},\
                 {\"id\":\"b\",\"name\":{\"x\":\"canary\"}}]"),
    })
    .await;
    let mut stage = stage(&definition(INVENTORY), &issuer.url);
    stage.collector.settings.concurrency = 1;
    stage.cx.pace = stage.cx.pace.renewed(stage.collector.definition.limits, 1);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(
        lines(&walk),
        ["projects GET /projects 200 0 -", "projects GET /projects 200 0 -", "tokens GET /projects/1/tokens 200 1 -"]
    );
    let poll = poll(&walk);
    assert_eq!((poll.records, poll.coverage, poll.failure, poll.more_requests), (1, 1.0, None, 0));
    assert_eq!(poll.started_at, walk.end().started_at);
    assert!(poll.requests.iter().all(|request| request.duration_ms >= 20), "{poll:?}");
    let reject = &poll.rejects[0];
    assert_eq!((reject.request.as_str(), reject.reason), ("tokens", RejectReason::BadField));
    assert_eq!(reject.detail.as_str(), "`name` is neither text nor number");
    assert_eq!(
        notes(&walk),
        [
            vec!["decided: read; 1 to ask about further; the next page follows by link"],
            vec!["decided: read"],
            vec!["decided: read"]
        ]
    );
}

#[tokio::test]
async fn each_try_is_a_request_and_says_what_became_of_it() {
    let issuer = Issuer::run(|nth, path| match path {
        "/projects" if nth == 1 => (503, "content-type: text/html", "<html>canary</html>".into()),
        "/projects" => ok("[{\"id\":1}]"),
        _ => (429, "retry-after: 600|content-type: application/json", "{}".into()),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(
        lines(&walk),
        [
            "projects GET /projects 503 0 http_5xx",
            "projects GET /projects 200 0 -",
            "tokens GET /projects/1/tokens 429 0 rate_limited"
        ]
    );
    let told = notes(&walk);
    assert_eq!(told[0][0], "decided: unable (503 GET /projects)");
    assert!(told[0][1].starts_with("asked again after "), "{told:?}");
    assert!(told[2][1].starts_with("the issuer asks to wait: nothing more is asked before "), "{told:?}");
    let whole = format!("{:?}", walk.did);
    assert!(whole.contains("retry-after: 600") && !whole.contains("canary"), "{whole}");
    assert_eq!(poll(&walk).failure, walk.end().coverage.reason());
    assert_eq!(poll(&walk).detail, walk.end().detail);
}

#[tokio::test]
async fn no_value_is_told_even_if_the_issuer_sends_it_back() {
    let issuer = Issuer::run(|_, path| match path {
        "/projects" => ok("[{\"id\":\"canary-login\"},{\"id\":\"canary%2Dlogin\"},{\"id\":\"7\"}]"),
        "/projects/7/tokens" => (
            200,
            "content-type: application/json; x=canary-login|x-ratelimit-limit: canary-login",
            "{\"canary-login\":\"canary-login\",\"message\":1}".into(),
        ),
        _ => refusal(404),
    })
    .await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = round(&stage.collector, &stage.cx).await;
    let mut told = lines(&walk);
    told.sort();
    assert_eq!(
        told,
        [
            "projects GET /projects 200 0 -",
            "tokens GET /projects/7/tokens 200 0 decode",
            "tokens GET /… 404 0 not_found",
            "tokens GET /… 404 0 not_found"
        ]
    );
    let whole = format!("{:?} {:?}", walk.did, walk.end);
    assert!(!whole.contains("canary"), "{whole}");
    assert!(whole.contains("an object with the keys …, message"), "{whole}");
}

#[tokio::test]
async fn a_self_inspection_tells_both_looks_and_no_value() {
    let issuer = Issuer::run(|_, _| refusal(401)).await;
    let stage = inspecting(&issuer, "canary-value");
    let walk = round(&stage.collector, &stage.cx).await;
    assert_eq!(lines(&walk), ["self GET /self 401 1 -", "self GET /self 401 1 -"]);
    assert_eq!(notes(&walk)[0], ["decided: token dead", "asked again after 1.0 s"]);
    assert!(!format!("{:?}", walk.did).contains("canary"));
}

#[tokio::test]
async fn a_poll_without_an_answer_says_why() {
    let issuer = Issuer::run(|_, _| ok("[]")).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    std::fs::remove_file(stage.dir.path().join("login")).unwrap();
    let walk = round(&stage.collector, &stage.cx).await;
    let poll = poll(&walk);
    assert_eq!((poll.failure, poll.coverage), (Some(FailureReason::LoginRefused), 0.0));
    assert!(poll.requests.is_empty() && poll.detail.as_ref().unwrap().as_str().starts_with("login: "));
}

#[tokio::test]
async fn a_confirming_look_is_told_with_its_requests() {
    let issuer = Issuer::run(|_, _| refusal(404)).await;
    let stage = stage(&definition(INVENTORY), &issuer.url);
    let walk = confirmed(&stage.collector, &stage.cx, &["a".into()]).await;
    assert_eq!(lines(&walk), ["one GET /tokens/a 404 0 -"]);
    assert_eq!(notes(&walk)[0].last(), Some(&"decided: gone"));
}
