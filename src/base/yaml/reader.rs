//! serde over a [`Node`]: notes every mistake with its place and path, and goes on. A value that fails is noted, taken
//! out, and the node is read again; what is missing only because it was taken out is not noted. Pure.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, DeserializeOwned, Error as _};

use super::access::{Entries, Items, Variant};
use super::fault::Error;
use super::mistake::{Mistakes, Place, SecretSeen, guards_secret, nearest, quoted};
use super::tree::{Node, Value, join};

/// Most attempts at one node; a file with more mistakes than this in one value is told about the first ones.
const MOST_ATTEMPTS: usize = 500;

/// Reads `node`, which stands at `path`, into `T`. Notes unknown keys (with the nearest known one), wrong types and
/// missing keys in `mistakes`; `None` if nothing usable is left. `Some` may come with mistakes noted.
pub fn read<T: DeserializeOwned>(node: &Node, path: &str, mistakes: &mut Mistakes) -> Option<T> {
    read_entry(node, None, path, mistakes)
}

/// [`read`] for the value of a key: what is missing in it is blamed on the key.
pub fn read_entry<T: DeserializeOwned>(
    node: &Node,
    key: Option<Place>,
    path: &str,
    mistakes: &mut Mistakes,
) -> Option<T> {
    let secret = path.split(['.', '[']).any(guards_secret);
    let cx =
        RefCell::new(Reading { mistakes, removed: BTreeSet::new(), phantoms: BTreeMap::new(), meant: BTreeSet::new() });
    for _ in 0..MOST_ATTEMPTS {
        let at = At { node, key, path: path.to_owned(), secret, cx: &cx };
        let error = match T::deserialize(at.clone()) {
            Ok(value) => return Some(value),
            Err(error) => error.at(&at),
        };
        if error.again {
            continue;
        }
        let reading = &mut *cx.borrow_mut();
        let blamed = error.blamed.as_ref()?;
        if let Some(mistake) = error.mistake(blamed) {
            reading.mistakes.note(mistake);
        }
        if blamed.id == id(node) || !reading.removed.insert(blamed.id) {
            return None;
        }
    }
    None
}

/// What one reading has met so far.
pub(super) struct Reading<'m> {
    pub mistakes: &'m mut Mistakes,
    /// Nodes taken out.
    pub removed: BTreeSet<usize>,
    /// Keys noted as missing, by map: filled with anything, so that the next missing one is found.
    pub phantoms: BTreeMap<usize, Vec<&'static str>>,
    /// Keys that a misspelt one was probably meant to be, by map.
    pub meant: BTreeSet<(usize, &'static str)>,
}

/// Identity of a node while the tree stands still.
pub(super) fn id(node: &Node) -> usize {
    std::ptr::from_ref(node) as usize
}

/// A node on its way into serde.
#[derive(Clone)]
pub(super) struct At<'n, 'c, 'm> {
    pub node: &'n Node,
    /// Where the key stands whose value it is.
    pub key: Option<Place>,
    pub path: String,
    /// It may hold a secret: no value is quoted.
    pub secret: bool,
    pub cx: &'c RefCell<Reading<'m>>,
}

impl<'n, 'c, 'm> At<'n, 'c, 'm> {
    pub fn child(&self, node: &'n Node, key: Option<Place>, step: &str) -> At<'n, 'c, 'm> {
        let secret = self.secret || guards_secret(step);
        At { node, key, path: join(&self.path, step), secret, cx: self.cx }
    }
    pub fn removed(&self, node: &Node) -> bool {
        self.cx.borrow().removed.contains(&id(node))
    }
    fn error(&self, text: impl fmt::Display) -> Error {
        Error::custom(text).at(self)
    }
    /// The value in quotes, or words in its place where it may be a secret.
    fn shown(&self, text: &str) -> String {
        if self.secret { "this value (not shown)".into() } else { quoted(text) }
    }
    fn kind(&self) -> &'static str {
        match self.node.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a plain value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// What the visitor of a reference to a secret says it expects; a test holds the two together.
const SECRET_FORMS: &str = "{ env: NAME } or { file: PATH }";

/// What a visitor says it expects.
struct Expecting<'v, V>(&'v V);
impl<'de, V: de::Visitor<'de>> fmt::Display for Expecting<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

impl<'n> At<'n, '_, '_> {
    /// A scalar for a visitor that takes texts: a path is made absolute to the folder of its file.
    fn text<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Scalar { text, .. } = &self.node.value else { return self.by_kind(visitor) };
        if Expecting(&visitor).to_string() == "path string" {
            return visitor.visit_string(self.in_folder(text));
        }
        visitor.visit_str(text).map_err(|error: Error| error.at(&self))
    }

    fn in_folder(&self, path: &str) -> String {
        let cx = self.cx.borrow();
        let folder = cx.mistakes.files.get(usize::from(self.node.place.file.0)).map(|source| source.folder.join(path));
        folder.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or_else(|| path.to_owned())
    }

    /// By what stands there, for visitors that take several kinds, and to let the others refuse it.
    fn by_kind<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar { text, quoted: true } => visitor.visit_str(text),
            Value::Scalar { text, quoted: false } => plain(text, visitor),
            Value::List(items) => visitor.visit_seq(Items::new(&self, items)),
            Value::Map(entries) => visitor.visit_map(Entries::new(&self, entries, None)),
        }
        .map_err(|error: Error| error.at(&self))
    }

    fn whole<'de, V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Scalar { text, .. } = &self.node.value else { return self.by_kind(visitor) };
        match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(number), _) => visitor.visit_u64(number),
            (_, Ok(number)) => visitor.visit_i64(number),
            _ => return Err(self.error(format!("{} is not a whole number", self.shown(text)))),
        }
        .map_err(|error: Error| error.at(&self))
    }

    /// Where a secret is expected, nothing else is let through, and the reference is noted for whoever checks it.
    fn secret_ref<'de, V: de::Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.secret = true;
        let entry = match &self.node.value {
            Value::Scalar { text, .. } => return Err(self.error(in_the_clear(&self.path, text))),
            Value::Map(entries) => match entries.as_slice() {
                [(key, node)] if matches!(key.text.as_str(), "env" | "file") => {
                    node.text().filter(|text| !text.is_empty()).map(|text| (key.text.as_str(), node.place, text))
                }
                _ => None,
            },
            Value::Null | Value::List(_) => None,
        };
        let Some((form, place, text)) = entry else {
            return Err(self.error("a secret is written { env: NAME } or { file: PATH }, with exactly one of the two"));
        };
        let env = form == "env";
        let target = if env { text.to_owned() } else { self.in_folder(text) };
        let seen = SecretSeen { place, path: self.path.clone(), env, target: target.clone() };
        let entry = std::iter::once((form, target));
        let read = visitor.visit_map(de::value::MapDeserializer::<_, Error>::new(entry));
        let secrets = &mut self.cx.borrow_mut().mistakes.secrets;
        if read.is_ok() && !secrets.contains(&seen) {
            secrets.push(seen);
        }
        read.map_err(|error| error.at(&self))
    }

    fn one_of<'de, V: de::Visitor<'de>>(
        self,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (name, place, content) = match &self.node.value {
            Value::Scalar { text, .. } => (text, self.node.place, None),
            Value::Map(entries) => match entries.as_slice() {
                [(_, node)] if self.removed(node) => return Err(Error::silent(&self)),
                [(key, node)] => (&key.text, key.place, Some((key, node))),
                _ => return Err(self.error(format!("exactly one of {} is expected", variants.join(", ")))),
            },
            _ => return Err(self.error(format!("one of {} is expected, not {}", variants.join(", "), self.kind()))),
        };
        let Some(variant) = variants.iter().find(|variant| **variant == name.as_str()) else {
            let hint = nearest(name, variants.iter().copied()).map(|near| format!(". Did you mean {}?", quoted(near)));
            let text = format!("{} is none of {}{}", self.shown(name), variants.join(", "), hint.unwrap_or_default());
            let mut error = self.error(text);
            if let Some(blamed) = &mut error.blamed {
                blamed.place = place;
            }
            return Err(error);
        };
        let content = content.map(|(key, node)| self.child(node, Some(key.place), &key.text));
        visitor.visit_enum(Variant { variant, content, at: &self }).map_err(|error: Error| error.at(&self))
    }
}

/// A plain scalar by its spelling; what a number would not give back as written stays a text.
fn plain<'de, V: de::Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Error> {
    match text {
        "true" => return visitor.visit_bool(true),
        "false" => return visitor.visit_bool(false),
        _ => {}
    }
    match (text.parse::<u64>(), text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), ..) if number.to_string() == text => visitor.visit_u64(number),
        (_, Ok(number), _) if number.to_string() == text => visitor.visit_i64(number),
        (.., Ok(number)) if number.is_finite() && number.to_string() == text => visitor.visit_f64(number),
        _ => visitor.visit_str(text),
    }
}

/// A literal where a secret is expected. Only a name inside `${…}` is repeated.
fn in_the_clear(path: &str, text: &str) -> String {
    let key = path.rsplit(['.', ']']).next().unwrap_or(path);
    let variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| text.strip_prefix('$'));
    match variable {
        Some(name) if is_variable(name) => format!("`${{…}}` is not expanded. Write `{key}: {{ env: {name} }}`"),
        _ if text.contains("${") => format!("`${{…}}` is not expanded. Write `{key}: {{ env: NAME }}`"),
        _ => {
            "a secret stands here in the clear (not shown). Write { env: NAME } or { file: PATH }, and revoke this one."
                .into()
        }
    }
}

/// Looks like a variable's name and not like a secret: capitals, digits and `_`.
pub fn is_variable(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

macro_rules! same_as {
    ($target:ident: $($method:ident)+) => {
        $(fn $method<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.$target(visitor)
        })+
    };
}

pub(super) use same_as;

impl<'de> de::Deserializer<'de> for At<'_, '_, '_> {
    type Error = Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let secret = Expecting(&visitor).to_string() == SECRET_FORMS;
        if secret { self.secret_ref(visitor) } else { self.by_kind(visitor) }
    }
    fn deserialize_bool<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Scalar { text, quoted: false } if text == "true" => visitor.visit_bool(true),
            Value::Scalar { text, quoted: false } if text == "false" => visitor.visit_bool(false),
            Value::Scalar { text, .. } => Err(self.error(format!("{} is not true or false", self.shown(text)))),
            _ => self.by_kind(visitor),
        }
    }
    fn deserialize_u64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.whole(visitor)
    }
    fn deserialize_f64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.text().map(str::parse::<f64>) {
            Some(Ok(number)) if number.is_finite() => visitor.visit_f64(number),
            Some(_) => Err(self.error(format!("{} is not a number", self.shown(self.node.text().unwrap_or_default())))),
            None => self.by_kind(visitor),
        }
    }
    fn deserialize_str<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text(visitor)
    }
    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }
    fn deserialize_unit<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_unit_struct<V: de::Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_newtype_struct<V: de::Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_tuple<V: de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_tuple_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_map<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.by_kind(visitor)
    }
    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::Map(entries) = &self.node.value else {
            let keys = if fields.is_empty() { "no key: {}".into() } else { format!("the keys {}", fields.join(", ")) };
            return Err(self.error(format!("a map is expected here, not {}; it has {keys}", self.kind())));
        };
        let map = Entries::new(&self, entries, Some(fields));
        let read = visitor.visit_map(map);
        Entries::judge(&self, entries, read)
    }
    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.one_of(variants, visitor)
    }
    fn deserialize_ignored_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
    same_as! { deserialize_u64: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
    deserialize_u16 deserialize_u32 }
    same_as! { deserialize_f64: deserialize_f32 }
    same_as! { deserialize_str: deserialize_string deserialize_char deserialize_identifier deserialize_bytes
    deserialize_byte_buf }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde::Deserialize;

    use super::super::mistake::{FileNo, Source};
    use super::super::tree::parse;
    use super::*;

    #[derive(Debug, PartialEq)]
    enum SecretRef {
        Env(String),
        File(PathBuf),
    }
    // The real one lives in another room, which this one must not know; the suite's test `config` reads the real one.
    impl<'de> Deserialize<'de> for SecretRef {
        fn deserialize<D: de::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            struct Forms;
            impl<'de> de::Visitor<'de> for Forms {
                type Value = SecretRef;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(SECRET_FORMS)
                }
                fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                    let (form, target) = map.next_entry::<String, String>()?.unwrap();
                    Ok(if form == "env" { SecretRef::Env(target) } else { SecretRef::File(target.into()) })
                }
            }
            d.deserialize_any(Forms)
        }
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Hand,
        Machine,
        Each { every: String },
    }
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Whole {
        items: Vec<Item>,
        named: BTreeMap<String, Item>,
        text: Option<String>,
        flag: Option<bool>,
        small: Option<u8>,
        ratio: Option<f64>,
        mode: Option<Mode>,
        token: Option<SecretRef>,
        ca_file: Option<PathBuf>,
        free: Option<serde_json::Value>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Item {
        name: String,
        count: u16,
        login: SecretRef,
        after: Option<String>,
    }

    fn read_text(text: &str) -> (Option<Whole>, Mistakes) {
        let source = Source { name: "f.yml".into(), text: text.into(), folder: "/etc/fw".into() };
        let mut mistakes = Mistakes { files: vec![source], ..Mistakes::default() };
        let node = parse(FileNo(0), text).unwrap();
        let value = read(&node, "", &mut mistakes);
        mistakes.sort();
        (value, mistakes)
    }
    fn said(text: &str) -> String {
        read_text(text).1.lines().join("\n")
    }

    #[test]
    fn nine_planted_mistakes_are_found_in_one_run() {
        let text = "
itms: []
items:
  - { name: a, count: many, login: { env: A } }
  - { nam: b, count: 1, login: hunter2 }
  - { count: 70000 }
  - [a]
  - { name: { x: 1 }, count: 2, login: { file: f, env: E } }
named:
  x: { name: ok, count: 7, login: { file: p/q } }
  y: { name: ok, count: 7, login: { file: p/q }, atfer: z }
flag: yes
mode: hnad
";
        let (value, mistakes) = read_text(text);
        insta::assert_snapshot!(mistakes.lines().join("\n"), @r#"
        f.yml:2:1: itms: unknown key. Did you mean "items"? Known here: items, named, text, flag, small, ratio, mode, token, ca_file, free.
        f.yml:4:23: items[0].count: "many" is not a whole number.
        f.yml:5:7: items[1].nam: unknown key. Did you mean "name"? Known here: name, count, login, after.
        f.yml:5:32: items[1].login: a secret stands here in the clear (not shown). Write { env: NAME } or { file: PATH }, and revoke this one.
        f.yml:6:5: items[2]: the key "name" is missing.
        f.yml:6:5: items[2]: the key "login" is missing.
        f.yml:6:14: items[2].count: this value does not fit: a whole number from 0 to 65535 is expected.
        f.yml:7:5: items[3]: a map is expected here, not a list; it has the keys name, count, login, after.
        f.yml:8:13: items[4].name: a text is expected here, not a map.
        f.yml:8:40: items[4].login: a secret is written { env: NAME } or { file: PATH }, with exactly one of the two.
        f.yml:11:50: named.y.atfer: unknown key. Did you mean "after"? Known here: name, count, login, after.
        f.yml:12:7: flag: "yes" is not true or false.
        f.yml:13:7: mode: "hnad" is none of hand, machine, each. Did you mean "hand"?
        "#);
        let value = value.unwrap();
        assert!(value.items.is_empty());
        assert_eq!(value.named.keys().collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(value.named["x"].login, SecretRef::File("/etc/fw/p/q".into()));
    }

    #[test]
    fn values_are_typed_from_their_text() {
        let text = "{ text: 1.10, flag: true, small: 255, ratio: 1.5, mode: { each: { every: 09:00 } }, ca_file: a/b, free: [1, 1.10, '2', 007, true, ~, {a: -3}] }";
        let (value, mistakes) = read_text(text);
        assert!(mistakes.is_empty(), "{:?}", mistakes.lines());
        let value = value.unwrap();
        assert_eq!((value.text.as_deref(), value.flag, value.small), (Some("1.10"), Some(true), Some(255)));
        assert_eq!((value.ratio, value.mode), (Some(1.5), Some(Mode::Each { every: "09:00".into() })));
        assert_eq!(value.ca_file, Some("/etc/fw/a/b".into()));
        assert_eq!(value.free, Some(serde_json::json!([1, "1.10", "2", "007", true, null, { "a": -3 }])));
    }

    #[test]
    fn booleans_are_true_and_false_alone() {
        for text in ["yes", "on", "no", "y", "True", "'true'", "1"] {
            assert!(said(&format!("flag: {text}")).contains("is not true or false"), "{text}");
        }
    }

    #[test]
    fn a_literal_secret_is_never_repeated() {
        for text in [
            "token: hunter2",
            "token: [hunter2]",
            "token: { literal: hunter2 }",
            "token: { hunter2: x }",
            "items: [{ name: a, count: hunter2, login: hunter2 }]",
            "named: { x: hunter2 }",
            "named: { token: { name: a, count: hunter2, login: { env: A } } }",
            "token_file: hunter2",
            "password: hunter2",
            "token: 'abc ${hunter2}'",
            "mode: { each: hunter2 }",
        ] {
            let (_, mistakes) = read_text(text);
            let shown = mistakes.render();
            assert!(!mistakes.is_empty(), "{text}");
            if text != "items: [{ name: a, count: hunter2, login: hunter2 }]" {
                assert!(!shown.contains("hunter2"), "{text}\n{shown}");
            } else {
                assert_eq!(shown.matches("hunter2").count(), 1, "only the count, which guards nothing\n{shown}");
            }
        }
    }

    #[test]
    fn habits_of_other_tools_get_their_own_sentence() {
        insta::assert_snapshot!(said("token_file: /run/x"), @"f.yml:1:1: token_file: write `token: { file: … }`.");
        insta::assert_snapshot!(said("token_env: X"), @"f.yml:1:1: token_env: write `token: { env: … }`.");
        insta::assert_snapshot!(said("token: ${CI_TOKEN}"), @"f.yml:1:8: token: `${…}` is not expanded. Write `token: { env: CI_TOKEN }`.");
        insta::assert_snapshot!(said("token: a-${ci}"), @"f.yml:1:8: token: `${…}` is not expanded. Write `token: { env: NAME }`.");
        insta::assert_snapshot!(said("token:\ntext:"), @"");
        insta::assert_snapshot!(said("mode: each"), @"f.yml:1:7: mode: a value is missing: write { each: … }.");
        insta::assert_snapshot!(said("mode: { hand: 1 }"), @"f.yml:1:7: mode: this form takes no value: write hand alone.");
    }

    #[test]
    fn secrets_that_were_read_are_listed_once() {
        let (_, mistakes) = read_text("token: { env: A }\nnamed: { x: { name: a, count: x, login: { file: k } } }");
        let seen: Vec<_> = mistakes.secrets.iter().map(|s| (s.path.as_str(), s.env, s.target.as_str())).collect();
        assert_eq!(seen, [("token", true, "A"), ("named.x.login", false, "/etc/fw/k")]);
    }

    #[test]
    fn what_is_missing_only_because_it_was_taken_out_is_not_noted() {
        let said = said("named: { x: { name: [], count: 1, login: { env: A } } }");
        insta::assert_snapshot!(said, @"f.yml:1:21: named.x.name: a text is expected here, not a list.");
    }

    #[test]
    fn a_missing_key_stands_at_the_key_whose_value_lacks_it() {
        insta::assert_snapshot!(said("named:\n  x: {}"), @r#"
        f.yml:2:3: named.x: the key "name" is missing.
        f.yml:2:3: named.x: the key "count" is missing.
        f.yml:2:3: named.x: the key "login" is missing.
        "#);
    }

    proptest::proptest! {
        #[test]
        fn any_tree_is_read_to_an_end(text in "[a-e:{}\\[\\], \n-]{0,50}") {
            let text = text.replace('e', "items").replace('d', "name").replace('b', "token");
            if let Ok(node) = parse(FileNo(0), &text) {
                let mut mistakes = Mistakes::default();
                let read: Option<Whole> = read(&node, "", &mut mistakes);
                proptest::prop_assert!(read.is_some() || !mistakes.is_empty());
            }
        }
    }
}
