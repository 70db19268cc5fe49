//! Every shipped definition against saved answers: `tests/issuers/<name>/*.json` holds exchanges, the `.txt` beside it
//! what must come out. `FOREWARN_UPDATE=1` writes the texts anew; read the difference before you keep it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forewarn::base::http::Response;
use forewarn::base::secret::Secret;
use forewarn::collect::issuer::definition::{Definition, Source};
use forewarn::collect::issuer::frontier::Frontier;
use forewarn::collect::issuer::read::{Answer, FileCx};
use forewarn::collect::issuer::scope::{Probe, Scope, Task};
use forewarn::collect::issuer::shipped::Definitions;
use forewarn::collect::issuer::{Settings, build, read, scope};
use forewarn::domain::At;
use forewarn::domain::key::{GenerationId, SightId};
use forewarn::domain::observation::{Observation, Record};
use forewarn::domain::token::Expiry;
use serde_json::Value;

/// The canary that stands where live secrets stand in saved answers; it must never come out.
const CANARY: &str = "CANARY";

#[test]
fn every_shipped_definition_compiles() {
    let mut mistakes = forewarn::base::yaml::mistake::Mistakes::default();
    let mut definitions = Definitions::default();
    let file = forewarn::base::yaml::mistake::FileNo(0);
    for (name, text) in Definitions::texts() {
        definitions.add(&name, file, &text, &mut mistakes);
        assert!(!text.contains(".data.id\n") && !text.contains(".token\n"), "{name} reads a live secret");
    }
    assert_eq!(mistakes.list, vec![]);
    assert_eq!(definitions.names(), ["declared", "github", "gitlab", "jwt", "oauth2", "vault", "x509"]);
}

#[test]
fn every_definition_has_its_fixtures() {
    for definition in Definitions::shipped().iter().filter(|definition| definition.origin != Source::Declared) {
        assert!(!cases(&definition.name).is_empty(), "tests/issuers/{} holds no case", definition.name);
    }
}

macro_rules! fixtures {
    ($($name:ident),+) => { $( #[test] fn $name() { check(stringify!($name)); } )+ };
}
fixtures!(github, gitlab, jwt, oauth2, vault, x509);

fn check(name: &str) {
    let definitions = Definitions::shipped();
    let definition = definitions.get(name).expect("it is shipped");
    for case in cases(name) {
        let told = run(definition, &case);
        assert!(!told.contains(CANARY), "{}: a secret came out:\n{told}", case.display());
        assert!(!told.contains(['\u{202E}', '\r', '\u{7}']), "{}: hostile text came out", case.display());
        let expected = case.with_extension("txt");
        if std::env::var_os("FOREWARN_UPDATE").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(told, wanted, "{}", case.display());
    }
}

fn cases(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/issuers").join(name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    all.sort();
    all
}

fn now() -> At {
    At::from_timestamp(1_800_000_000, 0).unwrap()
}

fn run(definition: &Arc<Definition>, case: &Path) -> String {
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(case).unwrap()).unwrap();
    let scope = Arc::new(scope_of(definition, &saved));
    if definition.origin == Source::Files {
        return files(&scope, &saved, case);
    }
    let task = match saved.get("confirm").and_then(Value::as_array) {
        Some(ids) => Task::Confirm(ids.iter().map(|id| id.as_str().unwrap().into()).collect()),
        None => Task::Round {
            inventory: saved["inventory"].as_bool().unwrap_or(false),
            own_login: saved["own_login"].as_bool().unwrap_or(false),
        },
    };
    let mut exchanges: Vec<Value> = saved["exchanges"].as_array().unwrap().clone();
    let mut frontier = Frontier::new(Arc::clone(&scope), &task);
    let mut told = String::new();
    while let Some(ask) = frontier.next() {
        let probe = ask.probe.map(|nth| Secret::new(format!("{CANARY}-{}", scope.probes[nth].name)));
        let answer = match build::request(&scope, &ask, probe.as_ref()) {
            Ok(request) => {
                let line = asked(&request);
                writeln!(told, "{line}").unwrap();
                answer(&scope, &ask, request.url, &line, &mut exchanges)
            }
            Err(error) => {
                writeln!(told, "no request: {error}").unwrap();
                Answer::failed(
                    forewarn::domain::reason::FailureReason::Decode,
                    error.to_string().as_str().into(),
                    now(),
                )
            }
        };
        if answer.ask_again {
            writeln!(told, "  again").unwrap();
            frontier.again(ask);
            continue;
        }
        if answer.asks != read::Asks::EachRound {
            writeln!(told, "  asked {:?}", answer.asks).unwrap();
        }
        for observation in frontier.answered(&ask, answer) {
            observed(&mut told, &observation);
        }
    }
    assert!(frontier.finished());
    assert!(exchanges.is_empty(), "{}: never asked: {exchanges:#?}", case.display());
    writeln!(told, "coverage {:?}", frontier.coverage()).unwrap();
    if let Some(detail) = frontier.detail() {
        writeln!(told, "detail {detail}").unwrap();
    }
    told
}

fn scope_of(definition: &Arc<Definition>, saved: &Value) -> Scope {
    let names = saved.get("inspect").and_then(Value::as_array).cloned().unwrap_or_default();
    let url =
        saved.get("url").and_then(Value::as_str).map(|url| url::Url::parse(url).unwrap()).or(definition.url.clone());
    let settings = Settings {
        url: url.clone(),
        every: std::time::Duration::from_secs(60),
        timeout: std::time::Duration::from_secs(20),
        concurrency: 4,
        introspection_endpoint: saved["introspection_endpoint"].as_str().map(|url| url::Url::parse(url).unwrap()),
        walks: true,
        inventory: saved.get("settings").and_then(Value::as_object).cloned().unwrap_or_default(),
        inspect: Vec::new(),
        files: Vec::new(),
        show_trust_roots: saved["trust_roots"] == "show",
        declared: Vec::new(),
        slots_by_id: saved["slots"] == "id",
        max_tokens: 1000,
    };
    let probe = |name: &Value| {
        let name = name.as_str().unwrap().to_owned();
        Probe { value: GenerationId::from(format!("hash:{name}")), name }
    };
    Scope {
        collector: definition.name.as_str().into(),
        definition: Arc::clone(definition),
        url,
        settings: scope::settings(definition, &settings),
        probes: names.iter().map(probe).collect(),
        login: Some("hash:login".into()),
        slots_by_id: settings.slots_by_id,
        sight: SightId(1),
        walk: 1,
    }
}

/// `POST https://host/path?query body`, and headers that matter.
fn asked(request: &forewarn::base::http::Request) -> String {
    let mut line = format!("{} {}", request.method, request.url);
    if let Some(body) = &request.body {
        write!(line, " {}", String::from_utf8_lossy(body).replace(CANARY, "VALUE")).unwrap();
    }
    for (name, value) in request.headers.iter().filter(|(name, _)| name.starts_with("X-")) {
        write!(line, " {name}:{value}").unwrap();
    }
    for (name, _) in &request.secret_headers {
        write!(line, " {name}:…").unwrap();
    }
    line
}

/// The first saved exchange whose `ask` begins this line; it is used up.
fn answer(
    scope: &Scope,
    ask: &forewarn::collect::issuer::frontier::Ask,
    url: url::Url,
    line: &str,
    exchanges: &mut Vec<Value>,
) -> Answer {
    let fits = |exchange: &Value| {
        line.replace(url.origin().ascii_serialization().as_str(), "").starts_with(exchange["ask"].as_str().unwrap())
    };
    let at = exchanges.iter().position(fits).unwrap_or_else(|| panic!("no saved answer to: {line}"));
    let saved = exchanges.remove(at);
    if let Some(reason) = saved["fails"].as_str() {
        let reason = forewarn::domain::reason::FailureReason::parse(reason).unwrap();
        return Answer::failed(reason, "it failed".into(), now());
    }
    let body = match &saved["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in saved["headers"].as_object().into_iter().flatten() {
        headers.push((name.clone(), value.as_str().unwrap().to_owned()));
    }
    let status = u16::try_from(saved["status"].as_u64().unwrap_or(200)).unwrap();
    let response = Response { status, headers, body: body.into(), url, received_at: now() };
    read::answer(scope, ask, &response)
}

fn files(scope: &Scope, saved: &Value, case: &Path) -> String {
    let mut told = String::new();
    for file in saved["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let bytes = match file["text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => std::fs::read(case.with_file_name(file["path"].as_str().unwrap())).unwrap(),
        };
        let explicit = file["explicit"].as_bool().unwrap_or(false);
        let value = format!("hash:{name}").as_str().into();
        let answer = read::file(scope, &FileCx { name, place: "", bytes: &bytes, value, explicit, read_at: now() });
        writeln!(told, "{name}: {:?} {:?} {:?}", answer.meaning, answer.reason, answer.detail).unwrap();
        answer.records.iter().for_each(|record| recorded(&mut told, record));
        answer
            .rejects
            .iter()
            .for_each(|reject| writeln!(told, "  reject {} {}", reject.reason, reject.detail).unwrap());
    }
    told
}

fn observed(told: &mut String, observation: &Observation) {
    let ends = observation.ends.map_or("goes on".to_owned(), |ends| format!("ends {ends:?}"));
    writeln!(told, "= {} {ends}", observation.listing).unwrap();
    if let Some(clock) = observation.issuer_clock {
        writeln!(told, "  clock {} s", clock.num_seconds()).unwrap();
    }
    observation.records.iter().for_each(|record| recorded(told, record));
    observation.listed.iter().for_each(|id| writeln!(told, "  listed {id}").unwrap());
    observation.gone.iter().for_each(|id| writeln!(told, "  gone {id}").unwrap());
    observation
        .rejects
        .iter()
        .for_each(|reject| writeln!(told, "  reject {} {}", reject.reason, reject.detail).unwrap());
}

fn recorded(told: &mut String, r: &Record) {
    let time = |at: At| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let expires = match r.expires {
        Expiry::At(end) if end.date_only() => format!("{}..{} {}", time(end.instant), time(end.late), end.kind),
        Expiry::At(end) => format!("{} {}", time(end.instant), end.kind),
        Expiry::Never => "never".into(),
        Expiry::Unknown(why) => format!("unknown ({why})"),
    };
    let person = if r.person { " person" } else { "" };
    writeln!(told, "  {}{person} {:?} in {:?} ({}) {} {}", r.kind, r.name, r.place, r.place_path, r.origin, r.life)
        .unwrap();
    writeln!(told, "    generation {} expires {expires}", r.generation).unwrap();
    let mut more = String::new();
    let mut put =
        |name: &str, value: Option<String>| value.map_or((), |value| write!(more, " {name}={value}").unwrap());
    put("issued", r.issued.map(time));
    put("starts", r.starts.map(time));
    put("hard_stop", r.hard_stop.map(time));
    put("period", r.period.map(|s| s.to_string()));
    put("granted", r.granted.map(|s| s.to_string()));
    put("renewable", r.renewable.then(|| "yes".into()));
    put("renewed", r.renewed.map(time));
    put("last_used", r.last_used.map(|u| format!("{}+{}s", time(u.at), u.granularity)));
    put("word", r.life_word.as_ref().map(ToString::to_string));
    put("owner", r.owner.as_ref().map(ToString::to_string));
    put("scopes", (!r.scopes.is_empty()).then(|| format!("{:?}", r.scopes)));
    put("uses_left", r.uses_left.map(|n| n.to_string()));
    put("flow", r.dynamic.as_ref().map(|f| format!("{}/{}", f.place, f.name)));
    put("doubt", r.doubt.map(|d| d.to_string()));
    put("value", r.value.as_ref().map(ToString::to_string));
    put("link", r.link.as_ref().map(ToString::to_string));
    if !more.is_empty() {
        writeln!(told, "   {more}").unwrap();
    }
    r.facts.iter().for_each(|(name, value)| writeln!(told, "    fact {name}={value}").unwrap());
}
