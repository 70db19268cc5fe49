//! jq programs with their doors shut; the only file that names jaq.
//! No environment, clock, input, log or exit; no way to loop without end or to grow without bound: what could do that is
//! refused when a program is compiled. No generics leave this file, because jaq's are compiled where they are called.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use jaq_core::compile::Undefined;
use jaq_core::data::JustLut;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::load::{Arena, Error as LoadError, File, Loader};
use jaq_core::path::{Part, Path};
use jaq_core::{Ctx, Filter, Vars, load, native, ops, unwrap_valr};
use jaq_json::{Num, Val};
use serde_json::Value;

type Data = JustLut<Val>;

/// A compiled program. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    text: Arc<str>,
    filter: Arc<Filter<Data>>,
    names: usize,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({:?})", self.text)
    }
}

/// Why a program could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} (line {line}, column {column} of the program)")]
pub struct ProgramError {
    pub text: String,
    /// From 1, within the program.
    pub line: usize,
    pub column: usize,
}

/// Why a program failed on an answer. Says nothing of the answer's values: they may be secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("the program does not fit this answer")]
    Failed(Detail),
    #[error("the program yields more than {0} values")]
    TooMany(usize),
}

impl std::fmt::Debug for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// jq's own words, which may quote the answer: only for whoever holds the answer already (`forewarn try`).
#[derive(Clone, PartialEq, Eq)]
pub struct Detail(String);

impl Detail {
    pub fn words(&self) -> &str {
        &self.0
    }
}

/// Values of the names that a program was compiled with, in order.
pub type Bindings<'a> = &'a [Value];

/// Filters that open a door, and the native ones behind them.
const SHUT: &[&str] = &[
    "env",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "input",
    "inputs",
    "now",
    "localtime",
    "strflocaltime",
    "mktime",
    "input_line_number",
    "get_search_list",
];
/// Filters that can run for ever or grow without bound.
const ENDLESS: &[&str] = &["recurse", "repeat", "until", "while", "range", "combinations", "walk", "reduce", "foreach"];

impl Program {
    /// `names` without `$`.
    pub fn compile(text: &str, names: &[&str]) -> Result<Self, ProgramError> {
        let wrong = |at: usize, words: String| place(text, at, words);
        let parsed = parse(text)?;
        guard(&parsed).map_err(|(part, words)| wrong(offset(text, part), words))?;
        let arena = Arena::default();
        let prelude =
            jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).filter(|def| !SHUT.contains(&def.name));
        let modules = Loader::new(prelude)
            .load(&arena, File { code: text, path: () })
            .map_err(|errors| load_error(text, errors.into_iter().map(|(_, error)| error)))?;
        let dollars: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
        let filter = jaq_core::Compiler::default()
            .with_funs(functions())
            .with_global_vars(dollars.iter().map(String::as_str))
            .compile(modules)
            .map_err(|errors| match errors.first().and_then(|(_, undefined)| undefined.first()) {
                Some((part, what)) => wrong(offset(text, part), undefined(part, what, names)),
                None => wrong(0, "the program cannot be compiled".into()),
            })?;
        Ok(Self { text: text.into(), filter: Arc::new(filter), names: names.len() })
    }

    /// Runs it. At most `limit` outputs; more is an error.
    pub fn run(&self, input: &Value, bindings: Bindings<'_>, limit: usize) -> Result<Vec<Value>, RunError> {
        debug_assert_eq!(bindings.len(), self.names, "a program gets as many values as it has names");
        let vars = Vars::new(bindings.iter().map(to_val));
        let cx = Ctx::<Data>::new(&self.filter.lut, vars);
        let mut outputs = Vec::new();
        for output in self.filter.id.run((cx, to_val(input))).map(unwrap_valr) {
            if outputs.len() == limit {
                return Err(RunError::TooMany(limit));
            }
            let output = output.map_err(|error| RunError::Failed(Detail(error.to_string())))?;
            outputs.push(from_val(&output));
        }
        Ok(outputs)
    }

    /// Whether its first output is neither `false` nor `null`. A program that fails, or yields nothing, says no.
    pub fn holds(&self, input: &Value, bindings: Bindings<'_>) -> bool {
        let vars = Vars::new(bindings.iter().map(to_val));
        let cx = Ctx::<Data>::new(&self.filter.lut, vars);
        let first = self.filter.id.run((cx, to_val(input))).map(unwrap_valr).next();
        matches!(first, Some(Ok(value)) if !matches!(value, Val::Null | Val::Bool(false)))
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

fn functions() -> impl Iterator<Item = native::Fun<Data>> {
    let all = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>()).chain(jaq_json::funs::<Data>());
    let ours = [
        native::run::<Data>(("glob", native::v(1), |cv| {
            native::unary(cv, |text, patterns| Ok(Val::Bool(globbed(&text, &patterns))))
        })),
        native::run::<Data>((FROM_JSON, native::v(0), |cv| native::bome(from_json(&cv.1)))),
    ];
    all.filter(|(name, ..)| !SHUT.contains(name) && *name != FROM_JSON).chain(ours)
}

/// jaq's own overflows the stack on a deeply nested text, and `tonumber` calls it on whatever an issuer wrote.
const FROM_JSON: &str = "fromjson";

fn from_json(text: &Val) -> jaq_json::ValR {
    let parsed = text_of(text).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    parsed.map(|value| to_val(&value)).ok_or_else(|| jaq_core::Error::str("not JSON"))
}

/// `glob($patterns)`: whether the text fits one of them; `*` stays within one part of a path, `**` crosses `/`.
fn globbed(text: &Val, patterns: &Val) -> bool {
    let Some(text) = text_of(text) else { return false };
    match patterns {
        Val::Arr(list) => list.iter().any(|one| text_of(one).is_some_and(|pattern| fits(&pattern, &text))),
        one => text_of(one).is_some_and(|pattern| fits(&pattern, &text)),
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    /// Patterns come from the configuration, so there are few.
    const KEPT: usize = 64;
    thread_local! {
        static MATCHERS: RefCell<HashMap<String, Option<GlobMatcher>>> = RefCell::new(HashMap::new());
    }
    MATCHERS.with_borrow_mut(|matchers| {
        if matchers.len() >= KEPT && !matchers.contains_key(pattern) {
            matchers.clear();
        }
        let matcher = matchers.entry(pattern.to_owned()).or_insert_with(|| {
            GlobBuilder::new(pattern).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
        });
        matcher.as_ref().is_some_and(|matcher| matcher.is_match(text))
    })
}

fn text_of(value: &Val) -> Option<String> {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn to_val(value: &Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(b) => Val::Bool(*b),
        Value::Number(n) => Val::Num(match (n.as_i64(), n.as_f64()) {
            (Some(whole), _) => Num::from_integral(whole),
            (None, Some(float)) => Num::Float(float),
            (None, None) => Num::Float(f64::NAN),
        }),
        Value::String(text) => Val::utf8_str(text.clone()),
        Value::Array(list) => Val::Arr(Arc::new(list.iter().map(to_val).collect())),
        Value::Object(map) => Val::obj(map.iter().map(|(k, v)| (Val::utf8_str(k.clone()), to_val(v))).collect()),
    }
}

fn from_val(value: &Val) -> Value {
    match value {
        Val::Null => Value::Null,
        Val::Bool(b) => Value::Bool(*b),
        Val::Num(n) => number(n),
        Val::TStr(_) | Val::BStr(_) => Value::String(text_of(value).unwrap_or_default()),
        Val::Arr(list) => Value::Array(list.iter().map(from_val).collect()),
        Val::Obj(map) => {
            Value::Object(map.iter().map(|(k, v)| (text_of(k).unwrap_or_else(|| k.to_string()), from_val(v))).collect())
        }
    }
}

/// Not a number and infinite have no JSON: null.
fn number(n: &Num) -> Value {
    match n.as_isize() {
        Some(whole) => Value::from(whole as i64),
        None => n.to_string().parse::<serde_json::Number>().map_or(Value::Null, Value::Number),
    }
}

fn parse(text: &str) -> Result<Term<&str>, ProgramError> {
    let tokens = load::lex::Lexer::new(text).lex().map_err(|e| load_error(text, [LoadError::Lex(e)]))?;
    let parsed = load::parse::Parser::new(&tokens).parse(|p| p.term());
    parsed.map_err(|errors| {
        let told = errors.into_iter().map(|(what, found)| (what, load::lex::Token::opt_as_str(found, text))).collect();
        load_error(text, [LoadError::Parse(told)])
    })
}

fn load_error<'a>(text: &str, errors: impl IntoIterator<Item = LoadError<&'a str>>) -> ProgramError {
    let (part, words) = match errors.into_iter().next() {
        Some(LoadError::Lex(list)) => list.first().map(|(what, part)| (*part, format!("expected {}", what.as_str()))),
        Some(LoadError::Parse(list)) => list.first().map(|(what, part)| (*part, format!("expected {}", what.as_str()))),
        Some(LoadError::Io(list)) => list.first().map(|(part, _)| (*part, "modules cannot be used here".to_owned())),
        None => None,
    }
    .unwrap_or(("", "the program cannot be read".into()));
    place(text, offset(text, part), words)
}

fn undefined(part: &str, what: &Undefined, names: &[&str]) -> String {
    if SHUT.contains(&part) {
        return format!("`{part}` is shut off in definitions");
    }
    match what {
        Undefined::Filter(arity) => format!("there is no filter `{part}` with {arity} arguments"),
        Undefined::Var => format!("there is no `{part}`; known are {}", list_of(names)),
        _ => format!("`{part}` cannot be used here"),
    }
}

fn list_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`${name}`")).collect::<Vec<_>>().join(", ")
}

/// Byte offset of a part within the text; a part from elsewhere (the prelude) is at the start.
fn offset(text: &str, part: &str) -> usize {
    let (start, at) = (text.as_ptr() as usize, part.as_ptr() as usize);
    at.checked_sub(start).filter(|&byte| byte <= text.len()).unwrap_or(0)
}

fn place(text: &str, byte: usize, words: String) -> ProgramError {
    let before = text.get(..byte).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    ProgramError { text: words, line, column }
}

type Refused<'s> = (&'s str, String);

/// Refuses what could run for ever or grow without bound; jaq has neither fuel nor a way to be stopped.
fn guard<'s>(term: &Term<&'s str>) -> Result<(), Refused<'s>> {
    let all = |terms: &[&Term<&'s str>]| terms.iter().try_for_each(|term| guard(term));
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Var(_) | Term::Break(_) => Ok(()),
        Term::Str(_, parts) => parts.iter().try_for_each(|part| match part {
            StrPart::Term(term) => guard(term),
            _ => Ok(()),
        }),
        Term::Arr(inner) => inner.iter().try_for_each(|term| guard(term)),
        Term::Obj(pairs) => pairs.iter().try_for_each(|(key, value)| {
            guard(key)?;
            value.iter().try_for_each(guard)
        }),
        Term::Neg(inner) | Term::Label(_, inner) => guard(inner),
        Term::BinOp(left, op, right) => {
            operator(op)?;
            all(&[left, right])
        }
        Term::Fold(name, ..) => Err((name, refusal(name))),
        Term::TryCatch(body, handler) => {
            guard(body)?;
            handler.iter().try_for_each(|term| guard(term))
        }
        Term::IfThenElse(branches, other) => {
            branches.iter().try_for_each(|(condition, then)| all(&[condition, then]))?;
            other.iter().try_for_each(|term| guard(term))
        }
        Term::Def(defs, _) => {
            let name = defs.first().map_or("", |def| def.name);
            Err((name, refusal("def")))
        }
        Term::Call(name, arguments) => {
            if ENDLESS.contains(name) {
                return Err((name, refusal(name)));
            }
            if SHUT.contains(name) {
                return Err((name, format!("`{name}` is shut off in definitions")));
            }
            arguments.iter().try_for_each(guard)
        }
        Term::Path(head, Path(parts)) => {
            guard(head)?;
            parts.iter().try_for_each(|(part, _)| match part {
                Part::Index(term) => guard(term),
                Part::Range(from, to) => [from, to].into_iter().flatten().try_for_each(guard),
            })
        }
    }
}

fn operator<'s>(op: &BinaryOp<&'s str>) -> Result<(), Refused<'s>> {
    match op {
        // A number times a text repeats the text.
        BinaryOp::Math(ops::Math::Mul) | BinaryOp::UpdateMath(ops::Math::Mul) => Err((
            "",
            "multiplication is shut off in definitions, because it can make huge texts; time units belong in `fields`"
                .into(),
        )),
        BinaryOp::Pipe(Some(pattern)) => pattern_terms(pattern),
        _ => Ok(()),
    }
}

fn pattern_terms<'s>(pattern: &Pattern<&'s str>) -> Result<(), Refused<'s>> {
    match pattern {
        Pattern::Var(_) => Ok(()),
        Pattern::Arr(list) => list.iter().try_for_each(pattern_terms),
        Pattern::Obj(pairs) => pairs.iter().try_for_each(|(key, value)| {
            guard(key)?;
            pattern_terms(value)
        }),
    }
}

fn refusal(name: &str) -> String {
    format!("`{name}` is shut off in definitions, because it can run for ever; use `map`, `select` and `.[]`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(text: &str, input: Value) -> Vec<Value> {
        Program::compile(text, &[]).unwrap().run(&input, &[], 100).unwrap()
    }

    #[test]
    fn reads_what_jq_reads() {
        let body = json!({"data": [{"id": 7, "name": "a"}, {"id": 8, "name": null}]});
        assert_eq!(
            run(".data[] | {id, name: (.name // \"none\")}", body.clone()),
            vec![json!({"id": 7, "name": "a"}), json!({"id": 8, "name": "none"})]
        );
        assert_eq!(run(".scope | split(\" \")", json!({"scope": "a b"})), vec![json!(["a", "b"])]);
        assert_eq!(run("[..|strings]", json!({"a": ["b"]})), vec![json!(["b"])]);
        assert_eq!(run("with_entries(select(.value != null))", json!({"a": 1, "b": null})), vec![json!({"a": 1})]);
        assert_eq!(run(".n", json!({"n": 1795500000.0})), vec![json!(1795500000.0)]);
        assert_eq!(run(".n", json!({"n": u64::MAX})).len(), 1);
        assert_eq!(run("0/0", json!(null)), vec![Value::Null]);
    }

    #[test]
    fn binds_names() {
        let program = Program::compile("$settings.paths[0] + $item.id", &["settings", "item"]).unwrap();
        let got = program.run(&json!(null), &[json!({"paths": ["a"]}), json!({"id": "b"})], 1).unwrap();
        assert_eq!(got, vec![json!("ab")]);
    }

    #[test]
    fn globs_stay_within_a_part() {
        for (text, pattern, fits) in [
            ("auth/token/create", json!(["auth/token/**"]), true),
            ("auth/token/create/role", json!(["auth/token/**"]), true),
            ("auth/userpass/login/bob", json!(["auth/token/**"]), false),
            ("approle/ci-deploy", json!("approle/ci-*"), true),
            ("approle/x/ci-deploy", json!("approle/ci-*"), false),
            ("anything/at/all", json!(["**"]), true),
            ("a", json!([]), false),
            ("a", json!(["["]), false),
        ] {
            let program = Program::compile("glob($p)", &["p"]).unwrap();
            assert_eq!(
                program.run(&json!(text), std::slice::from_ref(&pattern), 1).unwrap(),
                vec![json!(fits)],
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn doors_are_shut() {
        for text in [
            "env",
            "$ENV",
            "halt",
            "halt_error",
            "debug",
            "stderr",
            "input",
            "inputs",
            "now",
            "localtime",
            "import \"a\" as a; .",
            "include \"a\"; .",
            "def f: f; f",
            "reduce .[] as $x (0; .+$x)",
            "foreach .[] as $x (0; .+$x)",
            "[recurse]",
            "repeat(1)",
            "until(false; .)",
            "[while(true; .)]",
            "[range(1000000000)]",
            "\"a\" * 2000000000",
            ".a *= 2",
            "walk(.)",
            "map(range(9))",
            "{(\"a\" * 9): 1}",
            "\"\\(\"a\" * 9)\"",
            ".[range(9)]",
            ". as {(range(3)): $x} | $x",
            "if . then range(3) else . end",
            "try range(3) catch .",
            "first(repeat(1))",
        ] {
            let error = Program::compile(text, &[]).expect_err(text);
            assert!(error.line >= 1 && !error.text.is_empty(), "{text}: {error}");
        }
    }

    #[test]
    fn errors_have_a_place() {
        let error = |text: &str| Program::compile(text, &["settings"]).unwrap_err().to_string();
        insta::assert_snapshot!(error(".a |\n  foo"), @"there is no filter `foo` with 0 arguments (line 2, column 3 of the program)");
        insta::assert_snapshot!(error("[.a"), @"expected closing bracket (line 1, column 4 of the program)");
        insta::assert_snapshot!(error(". | $nope"), @"there is no `$nope`; known are `$settings` (line 1, column 5 of the program)");
        insta::assert_snapshot!(error("env"), @"`env` is shut off in definitions (line 1, column 1 of the program)");
    }

    #[test]
    fn a_failing_program_says_nothing_of_the_answer() {
        let program = Program::compile(".data.id.x", &[]).unwrap();
        let error = program.run(&json!({"data": {"id": "s.CANARY"}}), &[], 1).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"));
        let RunError::Failed(detail) = error else { panic!("it failed") };
        assert!(detail.words().contains("CANARY"));
    }

    #[test]
    fn outputs_are_bounded() {
        let program = Program::compile(".[]", &[]).unwrap();
        assert_eq!(program.run(&json!([1, 2, 3]), &[], 2), Err(RunError::TooMany(2)));
        assert_eq!(program.run(&json!([1, 2]), &[], 2).unwrap().len(), 2);
    }

    #[test]
    fn a_deeply_nested_text_is_no_number() {
        let deep = "[".repeat(1_000_000);
        let program = Program::compile("try tonumber catch \"no\"", &[]).unwrap();
        assert_eq!(program.run(&json!(deep), &[], 1).unwrap(), vec![json!("no")]);
        assert_eq!(run("tonumber", json!("1800003600")), vec![json!(1800003600)]);
        assert_eq!(run("fromjson", json!("{\"a\":[1]}")), vec![json!({"a": [1]})]);
    }

    #[test]
    fn holds_only_on_a_clear_yes() {
        let holds = |text: &str, input: Value| Program::compile(text, &[]).unwrap().holds(&input, &[]);
        assert!(holds(".a == 1", json!({"a": 1})));
        assert!(!holds(".a == 1", json!({"a": 2})));
        assert!(!holds(".a.b.c", json!({"a": "text"})));
        assert!(!holds("empty", json!(null)));
    }
}
