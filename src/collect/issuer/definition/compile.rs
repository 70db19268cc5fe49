//! Raw shape → [`Definition`]: programs and templates compiled, names checked, every mistake noted with its place.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use url::Url;

use super::answer::AnswerRule;
use super::fields::Fields;
use super::paging::{Paging, Place};
use super::raw::{RawCursor, RawDefinition, RawPaging, RawRequest, RawRequired};
use super::request::{Body, Mode, Request, Required, Sends};
use super::{Definition, Kind, Limits, Setting, SettingShape, TokenHeader, Verified};
use crate::base::yaml::mistake::{FileNo, Mistake, Mistakes};
use crate::base::yaml::reader;
use crate::base::yaml::tree::{self, Node};
use crate::collect::issuer::jq::Program;
use crate::collect::issuer::record::TIMES;
use crate::collect::issuer::template::{Known, Template};

/// Names that every program may use, without `$`: settings; the parent's item; response headers and status; receipt in
/// epoch seconds; the name that the configuration gave to the value or file.
pub const NAMES: &[&str] = &["settings", "item", "headers", "status", "received", "name"];
/// Settings that the engine itself fills in.
const ENGINE_SETTINGS: &[&str] = &["given", "url", "introspection_endpoint", "trust_roots"];

/// Reads one definition; every mistake is noted with its place. `name` is the file's name without its ending.
pub fn read(name: &str, file: FileNo, text: &str, mistakes: &mut Mistakes) -> Option<Definition> {
    let before = mistakes.list.len();
    let node = match tree::parse(file, text) {
        Ok(node) => node,
        Err(mistake) => {
            mistakes.note(mistake);
            return None;
        }
    };
    let raw: RawDefinition = reader::read(&node, "", mistakes)?;
    let mut cx = Compiling { node: &node, mistakes, programs: HashMap::new() };
    let definition = definition(name, raw, &mut cx);
    (mistakes.list.len() == before).then_some(definition)
}

struct Compiling<'a> {
    node: &'a Node,
    mistakes: &'a mut Mistakes,
    /// One text is compiled once, however often it is referred to.
    programs: HashMap<String, Program>,
}

impl Compiling<'_> {
    fn note(&mut self, path: &str, text: impl Into<String>) {
        let place = self.node.at(path).map(|node| node.place);
        self.mistakes.note(Mistake { place, path: path.to_owned(), text: text.into(), secret: false });
    }
    fn program(&mut self, path: &str, text: &str) -> Option<Program> {
        if let Some(program) = self.programs.get(text) {
            return Some(program.clone());
        }
        match Program::compile(text, NAMES) {
            Ok(program) => {
                self.programs.insert(text.to_owned(), program.clone());
                Some(program)
            }
            Err(error) => {
                self.note(path, error.to_string());
                None
            }
        }
    }
    fn template(&mut self, path: &str, text: &str, known: Known<'_>) -> Option<Template> {
        match Template::compile(text, known) {
            Ok(template) => Some(template),
            Err(error) => {
                self.note(path, error);
                None
            }
        }
    }
}

fn definition(name: &str, raw: RawDefinition, cx: &mut Compiling<'_>) -> Definition {
    let settings: Vec<Setting> = raw.settings.into_iter().map(|(name, raw)| setting(name, raw)).collect();
    let kinds: Vec<Kind> =
        raw.kinds.into_iter().map(|(name, kind)| Kind { name, title: kind.title, person: kind.person }).collect();
    let names: Vec<String> = raw.requests.iter().map(|request| request.name.clone()).collect();
    let known: Vec<&str> = settings.iter().map(|s| s.name.as_str()).chain(ENGINE_SETTINGS.iter().copied()).collect();
    let shared = Shared { settings: &known, names: &names, kinds: &kinds };
    let mut requests = Vec::new();
    for (nth, raw) in raw.requests.into_iter().enumerate() {
        requests.push(request(nth, raw, &shared, cx));
    }
    check_names(&names, cx);
    check_parents(&requests, cx);
    for time in raw.fields.times.keys().filter(|time| !TIMES.contains(&time.as_str())) {
        cx.note(&format!("fields.times.{time}"), format!("no such time field; known are {}", TIMES.join(", ")));
    }
    let confirm = raw.confirm.as_ref().and_then(|wanted| confirm(wanted, &requests, cx));
    let header = raw.login.header.unwrap_or_else(|| "Authorization".into());
    let bearer = if header.eq_ignore_ascii_case("authorization") { "Bearer " } else { "" };
    Definition {
        name: name.to_owned(),
        title: raw.title,
        docs: raw.docs,
        verified: Verified { how: raw.verified.how, words: raw.verified.words },
        origin: raw.source,
        url: raw.url.and_then(|text| url(&text, cx)),
        logins: raw.login.kinds,
        token: TokenHeader { prefix: raw.login.prefix.unwrap_or_else(|| bearer.into()), header },
        settings,
        fields: Fields { times: raw.fields.times, no_expiry: raw.fields.no_expiry, never: raw.fields.never },
        requests,
        key: raw.key,
        kinds,
        absent: raw.absent,
        confirm,
        limits: Limits {
            per_second: raw.limits.per_second.unwrap_or(10.0).max(0.01),
            concurrency: raw.limits.concurrency.unwrap_or(4).max(1),
        },
        granularity: raw.granularity,
        shows_rotation: raw.shows_rotation,
        tells_expiry: raw.tells_expiry,
        least: raw.least,
        rotate: raw.rotate,
        prefixes: raw.prefixes,
    }
}

fn setting(name: String, raw: super::raw::RawSetting) -> Setting {
    let default = match (raw.default, raw.shape) {
        (None, _) => Value::Null,
        (Some(list), SettingShape::List) => Value::from(list),
        (Some(list), SettingShape::Bool) => Value::Bool(list.first().is_some_and(|word| word == "true")),
        (Some(list), SettingShape::Text) => list.into_iter().next().map_or(Value::Null, Value::from),
    };
    Setting { name, shape: raw.shape, default, help: raw.help }
}

fn url(text: &str, cx: &mut Compiling<'_>) -> Option<Url> {
    let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if parsed.is_none() {
        cx.note("url", "not a URL; write https://host");
    }
    parsed
}

fn confirm(wanted: &str, requests: &[Request], cx: &mut Compiling<'_>) -> Option<usize> {
    let found = requests.iter().position(|request| request.name == wanted && request.mode == Mode::Confirm);
    if found.is_none() {
        cx.note("confirm", format!("no request `{wanted}` of mode confirm"));
    }
    found
}

fn check_names(names: &[String], cx: &mut Compiling<'_>) {
    for (nth, name) in names.iter().enumerate() {
        if names[..nth].contains(name) {
            cx.note(&format!("requests[{nth}].name"), format!("`{name}` is given twice"));
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            cx.note(&format!("requests[{nth}].name"), "a name holds letters, digits and `_`, nothing else");
        }
    }
}

/// Parents stand before their children (so there are no circles) and yield items.
fn check_parents(requests: &[Request], cx: &mut Compiling<'_>) {
    use super::request::Yields;
    for (nth, request) in requests.iter().enumerate() {
        for &parent in &request.each {
            let path = format!("requests[{nth}].each");
            if parent >= nth {
                cx.note(&path, format!("`{}` must stand before `{}`", requests[parent].name, request.name));
            } else if requests[parent].yields != Yields::Items {
                cx.note(&path, format!("`{}` yields no items", requests[parent].name));
            }
        }
        if request.details && (request.each.is_empty() || request.yields != Yields::Records) {
            cx.note(&format!("requests[{nth}].details"), "details are records that are asked for `each` of something");
        }
    }
}

struct Shared<'a> {
    settings: &'a [&'a str],
    names: &'a [String],
    kinds: &'a [Kind],
}

fn request(nth: usize, raw: RawRequest, shared: &Shared<'_>, cx: &mut Compiling<'_>) -> Request {
    let at = |key: &str| format!("requests[{nth}].{key}");
    let mut each = Vec::new();
    for parent in &raw.each {
        match shared.names.iter().position(|name| name == parent) {
            Some(index) => each.push(index),
            None => cx.note(&at("each"), format!("there is no request `{parent}`")),
        }
    }
    let item = !each.is_empty() || raw.mode == Mode::Confirm;
    let outside = Known { settings: shared.settings, item, value: false };
    let inside = Known { value: raw.mode == Mode::Inspect && raw.sends != Sends::Value, ..outside };
    let (method, urls) = target(&raw, &at, cx);
    let urls = urls.iter().filter_map(|(path, text)| cx.template(path, text, outside)).collect();
    if let Some(kind) = raw.kind.as_ref().filter(|kind| shared.kinds.iter().all(|k| &k.name != *kind)) {
        cx.note(&at("kind"), format!("`{kind}` is not among the definition's kinds"));
    }
    let mut programs = |key: &str, text: &Option<String>| text.as_ref().and_then(|text| cx.program(&at(key), text));
    let (given, when) = (programs("given", &raw.given), programs("when", &raw.when));
    let program = programs("program", &raw.program);
    if raw.program.is_none() && raw.given.is_none() {
        cx.note(&at("name"), "a request needs a `program`, or `given`");
    }
    Request {
        given,
        when,
        program,
        method,
        urls,
        query: templates(&at("query"), &raw.query, outside, cx),
        headers: templates(&at("headers"), &raw.headers, outside, cx),
        body: body(&raw, &at, inside, cx),
        answers: answers(&raw, &at, cx),
        paging: paging(raw.paging, &at("paging"), cx),
        required: match raw.required {
            RawRequired::Always => Required::Always,
            RawRequired::Never => Required::Never,
            RawRequired::If(text) => cx.program(&at("required.if"), &text).map_or(Required::Always, Required::If),
        },
        needs: raw.needs,
        noun: raw.noun.unwrap_or_else(|| raw.name.clone()),
        name: raw.name,
        mode: raw.mode,
        each,
        details: raw.details,
        sends: raw.sends,
        decode: raw.decode,
        yields: raw.yields,
        kind: raw.kind,
    }
}

/// Method and URLs, each with the path of its key.
fn target(raw: &RawRequest, at: &dyn Fn(&str) -> String, cx: &mut Compiling<'_>) -> (String, Vec<(String, String)>) {
    let written: Vec<(&str, &str)> = [("get", &raw.get), ("post", &raw.post), ("list", &raw.list)]
        .into_iter()
        .filter_map(|(method, url)| url.as_deref().map(|url| (method, url)))
        .collect();
    let several: Vec<(String, String)> =
        raw.first_of.iter().enumerate().map(|(nth, url)| (format!("{}[{nth}]", at("first_of")), url.clone())).collect();
    match (written.as_slice(), several.is_empty()) {
        ([(method, url)], true) => (method.to_uppercase(), vec![(at(method), (*url).to_owned())]),
        ([], false) => ("GET".into(), several),
        ([], true) => ("GET".into(), Vec::new()),
        _ => {
            cx.note(&at("name"), "write one of get, post, list, first_of");
            ("GET".into(), Vec::new())
        }
    }
}

fn templates(
    path: &str,
    raw: &BTreeMap<String, String>,
    known: Known<'_>,
    cx: &mut Compiling<'_>,
) -> Vec<(String, Template)> {
    let one =
        |(name, text): (&String, &String)| Some((name.clone(), cx.template(&format!("{path}.{name}"), text, known)?));
    raw.iter().filter_map(one).collect()
}

fn body(raw: &RawRequest, at: &dyn Fn(&str) -> String, known: Known<'_>, cx: &mut Compiling<'_>) -> Option<Body> {
    match (raw.form.is_empty(), raw.json.is_empty()) {
        (true, true) => None,
        (false, true) => Some(Body::Form(templates(&at("form"), &raw.form, known, cx))),
        (true, false) => Some(Body::Json(templates(&at("json"), &raw.json, known, cx))),
        (false, false) => {
            cx.note(&at("form"), "write form or json, not both");
            None
        }
    }
}

fn answers(raw: &RawRequest, at: &dyn Fn(&str) -> String, cx: &mut Compiling<'_>) -> Vec<AnswerRule> {
    let mut rules = Vec::new();
    for (nth, rule) in raw.answers.iter().enumerate() {
        let path = format!("{}[{nth}]", at("answers"));
        let body = rule.body.as_ref().and_then(|text| cx.program(&format!("{path}.body"), text));
        if rule.status.is_empty() && rule.body.is_none() {
            cx.note(&path, "a rule needs a status, a body predicate, or both");
        }
        rules.push(AnswerRule { status: rule.status.clone(), body, means: rule.means });
    }
    rules
}

/// A page is a list, unless the definition counts otherwise: counting what the program kept would end a listing early.
const COUNT: &str = "if type == \"array\" then length else error(\"the body is no list\") end";

fn paging(raw: RawPaging, path: &str, cx: &mut Compiling<'_>) -> Paging {
    let mut count = |text: Option<String>, key: &str| cx.program(key, text.as_deref().unwrap_or(COUNT));
    match raw {
        RawPaging::None => Paging::None,
        RawPaging::Link => Paging::Link,
        RawPaging::NextUrl(text) => {
            count(Some(text), &format!("{path}.next_url")).map_or(Paging::None, Paging::NextUrl)
        }
        RawPaging::Page(page) => match count(page.count, &format!("{path}.page.count")) {
            Some(count) => Paging::Page { param: page.param, first: page.first, size: page.size, count },
            None => Paging::None,
        },
        RawPaging::Offset(offset) => match count(offset.count, &format!("{path}.offset.count")) {
            Some(count) => Paging::Offset { param: offset.param, size: offset.size.max(1), count },
            None => Paging::None,
        },
        RawPaging::Cursor(cursor) => cursor_paging(cursor, path, cx),
    }
}

fn cursor_paging(raw: RawCursor, path: &str, cx: &mut Compiling<'_>) -> Paging {
    let place = match (raw.query, raw.body) {
        (Some(name), None) => Place::Query(name),
        (None, Some(name)) => Place::Body(name),
        _ => {
            cx.note(&format!("{path}.cursor"), "write query or body, exactly one");
            return Paging::None;
        }
    };
    let program = cx.program(&format!("{path}.cursor.program"), &raw.program);
    program.map_or(Paging::None, |program| Paging::Cursor { program, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "title: T\ndocs: https://x.example\nverified: { how: unverified, words: w }\nleast: l\nrotate: r\n\
                         kinds: { token: { title: token } }\n";

    fn mistakes(more: &str) -> Vec<String> {
        let mut mistakes = Mistakes::default();
        let read = read("t", FileNo(0), &format!("{LEAST}{more}"), &mut mistakes);
        assert_eq!(read.is_some(), mistakes.is_empty());
        mistakes.list.iter().map(|m| format!("{} {}: {}", m.place.map_or(0, |p| p.line), m.path, m.text)).collect()
    }

    #[test]
    fn a_small_definition_is_read() {
        let mut noted = Mistakes::default();
        let text = format!(
            "{LEAST}requests:\n  - {{ name: a, mode: inventory, get: /a, paging: link, yields: items, program: '.[] | {{id}}' }}\n  \
             - {{ name: b, mode: inventory, each: [a], get: '/a/{{item.id}}', paging: {{ page: {{ param: p, size: 9 }} }}, program: '.[]' }}\n"
        );
        let definition = read("t", FileNo(0), &text, &mut noted).unwrap();
        assert_eq!(noted.list, vec![]);
        assert_eq!(definition.requests[1].each, vec![0]);
        assert!(matches!(definition.requests[1].paging, Paging::Page { size: Some(9), first: 1, .. }));
        assert_eq!(definition.token.prefix, "Bearer ");
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let got = mistakes(
            "confirm: nope\nfields: { times: { expiry: {} } }\nrequests:\n  \
             - { name: a, mode: inspect, get: '/{item.id}', program: 'foo', kind: wrong }\n  \
             - { name: a, mode: inventory, each: [b], post: /x, get: /y, program: '.', answers: [{ means: gone }] }\n  \
             - { name: c, mode: inventory, each: [c], get: '/{value}', program: '.', paging: { cursor: { program: '.n' } } }\n",
        );
        insta::assert_snapshot!(got.join("\n"), @r"
        10 requests[0].get: `{item.id}`: this request has no `each`, so there is no item
        10 requests[0].kind: `wrong` is not among the definition's kinds
        10 requests[0].program: there is no filter `foo` with 0 arguments (line 1, column 1 of the program)
        11 requests[1].each: there is no request `b`
        11 requests[1].name: write one of get, post, list, first_of
        11 requests[1].answers[0]: a rule needs a status, a body predicate, or both
        12 requests[2].get: `{value}` may stand only in the body of an inspecting request
        12 requests[2].paging.cursor: write query or body, exactly one
        11 requests[1].name: `a` is given twice
        12 requests[2].each: `c` must stand before `c`
        8 fields.times.expiry: no such time field; known are issued, starts, expires, hard_stop, renewed, last_used
        7 confirm: no request `nope` of mode confirm
        ");
    }

    #[test]
    fn unknown_keys_are_mistakes() {
        assert!(mistakes("tittle: x\n")[0].contains("tittle"));
        assert!(
            !mistakes("requests:\n  - { name: a, mode: inspect, get: /a, program: '.', pagin: link }\n").is_empty()
        );
    }
}
