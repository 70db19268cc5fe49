//! Pure: an answer → its meaning, items, cursor and records. Runs the jq program: call it off the async threads.
//! What does not surely come from the issuer says nothing about a token (semantics 3.3, 3.4).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::definition::answer::Meaning;
use super::definition::paging::PageAt;
use super::definition::request::{Decoder, Mode, Request, Sends, Yields};
use super::frontier::Ask;
use super::next;
use super::record::{self, RecordCx, Rejected};
use super::scope::Scope;
use crate::base::decode::{json, jwt, x509};
use crate::base::http::Response;
use crate::domain::At;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Doubt, Life, Origin, Record};
use crate::domain::reason::{FailureReason, LeftOut, Reject, RejectReason};
use crate::domain::text::Text;

/// Most values that a program may yield from one page.
pub const MOST_OUTPUTS: usize = 1_000_000;
/// Longest id of an item, bytes.
const LONGEST_ID: usize = 512;

/// An answer, read.
#[derive(Clone, Debug)]
pub struct Answer {
    pub meaning: Meaning,
    /// Why it could not be read; `None` for `Read`, `Empty`, `Gone`, `TokenDead`, `Unreadable`.
    pub reason: Option<FailureReason>,
    /// Status, method and path; no query, no secret.
    pub detail: Option<Text>,
    pub received_at: At,
    pub items: Vec<Value>,
    pub records: Vec<Record>,
    pub rejects: Vec<Reject>,
    /// Generations of rejected records: they stand in the listing.
    pub listed: Vec<GenerationId>,
    /// Records that the program itself leaves out: `{ left_out: "trust_root" }`.
    pub left_out: Vec<(LeftOut, u32)>,
    pub next: Option<PageAt>,
    /// The page was read, but the listing cannot be followed, or holds records that nobody can name.
    pub cut: Option<FailureReason>,
    /// How far the issuer's clock is ahead of ours.
    pub clock: Option<TimeDelta>,
    /// Requests left in the issuer's window.
    pub remaining: Option<u32>,
    /// A self-inspection that got its first 401: ask once more after 1 s, with `Frontier::again`, before this answer is
    /// taken in (semantics 3.4).
    pub ask_again: bool,
    /// For asks with a probe, and for the own login: when to ask about this value again.
    pub asks: Asks,
    /// For whoever holds the answer already (`forewarn try`): jq's own words. Never logged.
    pub words: Option<record::Private>,
}

/// When a value is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Asks {
    #[default]
    EachRound,
    /// It is dead by this answer; hourly once that is concluded (semantics 3.4).
    Hourly,
    /// Asking uses it up.
    Never,
}

impl Answer {
    /// No usable answer: transport, time limit, cap, login, build.
    pub fn failed(reason: FailureReason, detail: Text, at: At) -> Self {
        Self { reason: Some(reason), detail: Some(detail), ..Self::empty(Meaning::Unable, at) }
    }
    fn empty(meaning: Meaning, at: At) -> Self {
        Self {
            meaning,
            reason: None,
            detail: None,
            received_at: at,
            items: Vec::new(),
            records: Vec::new(),
            rejects: Vec::new(),
            left_out: Vec::new(),
            listed: Vec::new(),
            next: None,
            cut: None,
            clock: None,
            remaining: None,
            ask_again: false,
            asks: Asks::EachRound,
            words: None,
        }
    }
    fn unable(&mut self, reason: FailureReason) {
        self.meaning = Meaning::Unable;
        self.reason = Some(reason);
        self.items.clear();
        self.records.clear();
    }
}

/// Reads the answer to `ask`.
pub fn answer(scope: &Scope, ask: &Ask, response: &Response) -> Answer {
    let request = &scope.definition.requests[ask.request];
    let body = decode(request.decode, response);
    let name = ask.probe.and_then(|probe| scope.probes.get(probe)).map(|probe| probe.name.as_str());
    let input = body.as_ref().unwrap_or(&Value::Null);
    let names = bindings(scope, ask, response, name);
    let meaning = meaning(request, response, body.as_ref().ok(), &names);
    let mut answer = Answer::empty(meaning, response.received_at);
    answer.reason = reason(meaning, response.status);
    answer.detail = Some(detail(request, response));
    answer.clock = clock(response);
    answer.remaining = remaining(response);
    let cx = record_cx(scope, request, ask, response.received_at);
    match meaning {
        Meaning::Read if body.is_err() => answer.unable(FailureReason::Decode),
        Meaning::Read => {
            run(request, &cx, input, &names, &mut answer);
            if answer.meaning == Meaning::Read {
                next::page(scope, ask, &next::Page { request, response, body: input, names: &names }, &mut answer);
            }
        }
        Meaning::TokenDead => bare(&cx, Life::Inactive, None, &mut answer),
        Meaning::Unreadable => bare(&cx, Life::Unsaid, Some(Doubt::Unreadable), &mut answer),
        _ => {}
    }
    if ask.probe.is_some() {
        answer.ask_again = meaning == Meaning::TokenDead && request.sends == Sends::Value && ask.attempt == 0;
    }
    if matches!(request.mode, Mode::Inspect | Mode::OwnLogin) {
        answer.asks = asks(&answer);
    }
    answer
}

/// One file read.
#[derive(Clone, Debug)]
pub struct FileCx<'a> {
    /// `$name`: the configured name, or the path under the glob.
    pub name: &'a str,
    /// What makes the name unique, as a part of the key: the whole path; empty for a configured name.
    pub place: &'a str,
    pub bytes: &'a [u8],
    /// Keyed hash of the bytes.
    pub value: GenerationId,
    /// Named in the configuration (`inspect:`, or a path without a glob).
    pub explicit: bool,
    pub read_at: At,
}

/// Reads one file of an offline origin (jwt, x509) with the definition's first request. Records have origin `Inspect`
/// when `explicit`, else `Inventory`.
pub fn file(scope: &Scope, file: &FileCx<'_>) -> Answer {
    let mut answer = Answer::empty(Meaning::Read, file.read_at);
    let Some(request) = scope.definition.requests.first() else {
        answer.unable(FailureReason::Decode);
        return answer;
    };
    let body = match request.decode {
        Decoder::X509 => x509::decode(file.bytes).map(Value::from),
        Decoder::Jwt => jwt::decode(String::from_utf8_lossy(file.bytes).trim()),
        _ => json::decode(file.bytes),
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            answer.unable(FailureReason::Decode);
            answer.detail = Some(Text::new(&error.to_string()));
            return answer;
        }
    };
    // Under a glob a key beside its certificate is nothing; a file that was named must hold one.
    if file.explicit && body.as_array().is_some_and(Vec::is_empty) {
        answer.unable(FailureReason::Decode);
        answer.detail = Some(Text::new("a PEM file without a certificate in it"));
        return answer;
    }
    let received = Value::from(file.read_at.timestamp());
    let names = [scope.settings.clone(), Value::Null, Value::Null, Value::Null, received, Value::from(file.name)];
    // A certificate is public and has an id of its own; only a token is known by its hash.
    let value = (request.decode == Decoder::Jwt).then(|| file.value.clone());
    let origin = if file.explicit { Origin::Inspect } else { Origin::Inventory };
    let cx = RecordCx { scope, origin, given_name: None, value, kind: request.kind.as_deref(), received: file.read_at };
    run(request, &cx, &body, &names, &mut answer);
    for record in answer.records.iter_mut().filter(|_| !file.place.is_empty()) {
        record.place = Text::new(&format!("{}{}", file.place, record.place));
    }
    answer
}

fn decode(decoder: Decoder, response: &Response) -> Result<Value, crate::base::decode::DecodeError> {
    match decoder {
        Decoder::None => Ok(Value::Null),
        Decoder::Headers => Ok(headers(response)),
        Decoder::X509 => x509::decode(&response.body).map(Value::from),
        Decoder::Jwt => jwt::decode(String::from_utf8_lossy(&response.body).trim()),
        // RFC 9701: whatever was asked for, an introspection answer may come as a JWT.
        Decoder::Json if response.header("content-type").is_some_and(|kind| kind.contains("jwt")) => {
            let mut whole = jwt::decode(String::from_utf8_lossy(&response.body).trim())?;
            Ok(whole.get_mut("claims").map(Value::take).unwrap_or(Value::Null))
        }
        Decoder::Json if response.body.is_empty() => Ok(Value::Null),
        Decoder::Json => json::decode(&response.body),
    }
}

fn headers(response: &Response) -> Value {
    let mut all = Map::new();
    for (name, value) in &response.headers {
        all.entry(name.to_ascii_lowercase()).or_insert_with(|| Value::from(value.as_str()));
    }
    Value::Object(all)
}

/// In the order of `definition::compile::NAMES`.
fn bindings(scope: &Scope, ask: &Ask, response: &Response, name: Option<&str>) -> [Value; 6] {
    [
        scope.settings.clone(),
        (*ask.item).clone(),
        headers(response),
        Value::from(response.status),
        Value::from(response.received_at.timestamp()),
        name.map_or(Value::Null, Value::from),
    ]
}

fn meaning(request: &Request, response: &Response, body: Option<&Value>, names: &[Value]) -> Meaning {
    let status = response.status;
    // A proxy answers in HTML; only an object of the issuer's own kind may say that a token is dead or unknown.
    let spoken = match request.decode {
        Decoder::Headers | Decoder::None => json::decode(&response.body).is_ok_and(|body| body.is_object()),
        _ => body.is_some_and(Value::is_object),
    };
    for rule in &request.answers {
        let by_status = rule.status.is_empty() || rule.status.contains(&status);
        let by_body = rule.body.as_ref().is_none_or(|program| body.is_some_and(|body| program.holds(body, names)));
        let verdict = matches!(rule.means, Meaning::TokenDead | Meaning::Gone | Meaning::Unreadable);
        if by_status && by_body && (spoken || !verdict || (status == 204 && rule.means == Meaning::Gone)) {
            return rule.means;
        }
    }
    match status {
        200..=299 => Meaning::Read,
        401 if request.sends == Sends::Login => Meaning::LoginRefused,
        401 | 403 | 404 | 410 => Meaning::NotAllowed,
        429 => Meaning::Throttled,
        _ => Meaning::Unable,
    }
}

fn reason(meaning: Meaning, status: u16) -> Option<FailureReason> {
    match meaning {
        Meaning::Read | Meaning::Empty | Meaning::Gone | Meaning::TokenDead | Meaning::Unreadable => None,
        Meaning::LoginRefused => Some(FailureReason::LoginRefused),
        Meaning::NotAllowed if matches!(status, 404 | 410) => Some(FailureReason::NotFound),
        Meaning::NotAllowed => Some(FailureReason::Forbidden),
        Meaning::Throttled => Some(FailureReason::RateLimited),
        Meaning::Unable | Meaning::NotReady => Some(match status {
            500.. => FailureReason::Http5xx,
            300..=499 => FailureReason::Http4xx,
            _ => FailureReason::Decode,
        }),
    }
}

/// `401 GET /api/v4/groups`.
fn detail(request: &Request, response: &Response) -> Text {
    Text::new(&format!("{} {} {}", response.status, request.method, response.url.path()))
}

/// From the `Date` header (RFC 9110); an answer that a cache kept (`Age`) tells nothing.
fn clock(response: &Response) -> Option<TimeDelta> {
    if response.header("age").is_some_and(|age| age.trim() != "0") {
        return None;
    }
    let date = DateTime::parse_from_rfc2822(response.header("date")?).ok()?;
    Some(date.with_timezone(&Utc) - response.received_at)
}

fn remaining(response: &Response) -> Option<u32> {
    let told = response.header("x-ratelimit-remaining").or_else(|| response.header("ratelimit-remaining"))?;
    told.trim().parse().ok()
}

fn record_cx<'a>(scope: &'a Scope, request: &'a Request, ask: &Ask, received: At) -> RecordCx<'a> {
    let probe = ask.probe.and_then(|probe| scope.probes.get(probe));
    let (origin, value) = match request.mode {
        Mode::OwnLogin => (Origin::OwnLogin, scope.login.clone()),
        Mode::Inspect => (Origin::Inspect, probe.map(|probe| probe.value.clone())),
        Mode::Inventory | Mode::Support | Mode::Confirm => (Origin::Inventory, None),
    };
    RecordCx {
        scope,
        origin,
        given_name: probe.map(|p| p.name.as_str()),
        value,
        kind: request.kind.as_deref(),
        received,
    }
}

fn run(request: &Request, cx: &RecordCx<'_>, body: &Value, names: &[Value], answer: &mut Answer) {
    let Some(program) = &request.program else { return };
    let outputs = match program.run(body, names, MOST_OUTPUTS) {
        Ok(outputs) => outputs,
        Err(error) => {
            answer.words = Some(record::Private::of(&error));
            return answer.unable(FailureReason::Decode);
        }
    };
    match request.yields {
        Yields::Items => items(outputs, answer),
        Yields::Records => records(cx, &outputs, answer),
    }
    // A question about one value has one answer; anything else was not understood.
    let one = matches!(request.mode, Mode::Inspect | Mode::OwnLogin) && request.yields == Yields::Records;
    if one && cx.scope.definition.origin == super::definition::Source::Http && answer.records.len() != 1 {
        answer.unable(FailureReason::Decode);
    }
}

/// What children are asked for. One without an id cannot be asked for, and its listing is not whole.
fn items(outputs: Vec<Value>, answer: &mut Answer) {
    for output in outputs {
        let named = match output.get("id") {
            Some(Value::String(id)) => (1..=LONGEST_ID).contains(&id.len()),
            Some(Value::Number(_)) => true,
            _ => false,
        };
        if named {
            answer.items.push(output);
        } else {
            answer.cut = Some(FailureReason::Decode);
            answer.rejects.push(Reject { reason: RejectReason::NoKey, detail: "an item has no id".into() });
        }
    }
}

fn records(cx: &RecordCx<'_>, outputs: &[Value], answer: &mut Answer) {
    let mut places: std::collections::HashMap<GenerationId, Vec<usize>> = std::collections::HashMap::new();
    for output in outputs {
        if let Some(reason) = record::left_out(output) {
            match answer.left_out.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => answer.left_out.push((reason, 1)),
            }
            continue;
        }
        match record::record(cx, output) {
            Ok(record) => {
                let same = places.entry(record.generation.clone()).or_default();
                match same.iter().find(|&&at| record::same_value(&answer.records[at], &record)) {
                    Some(&at) => {
                        let detail = "one value stands twice on a page; the later one is taken";
                        answer.rejects.push(Reject { reason: RejectReason::DuplicateKey, detail: detail.into() });
                        answer.records[at] = record;
                    }
                    None => {
                        same.push(answer.records.len());
                        answer.records.push(record);
                    }
                }
            }
            Err(Rejected { reject, generation }) => {
                answer.rejects.push(reject);
                match generation {
                    Some(generation) => answer.listed.push(generation),
                    // Nobody can say whose record it was, so nobody's absence may be concluded from this listing.
                    None => answer.cut = Some(FailureReason::Decode),
                }
            }
        }
    }
}

fn bare(cx: &RecordCx<'_>, life: Life, doubt: Option<Doubt>, answer: &mut Answer) {
    match record::bare(cx, life, doubt) {
        Ok(record) => answer.records.push(record),
        Err(Rejected { reject, .. }) => {
            answer.rejects.push(reject);
            answer.unable(FailureReason::Decode);
        }
    }
}

fn asks(answer: &Answer) -> Asks {
    let Some(record) = answer.records.first() else { return Asks::EachRound };
    match (record.doubt, record.life) {
        (Some(Doubt::UseLimited), _) => Asks::Never,
        (_, Life::Inactive | Life::Expired | Life::Revoked | Life::Disabled) => Asks::Hourly,
        _ => Asks::EachRound,
    }
}
