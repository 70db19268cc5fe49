//! Text → [`Node`] with places; the only file that names serde_yaml. Scalars keep their source text, aliases and merge
//! keys are expanded, a key written twice is a mistake. It knows nothing of what the keys mean.

use std::collections::BTreeMap;

use serde_yaml::granit_parser as parser;

use super::mistake::{FileNo, Mistake, Mistakes, Place};

/// Longest text read, bytes.
const MOST_BYTES: usize = 8 << 20;
/// Most nodes of one document, aliases expanded.
const MOST_NODES: usize = 1_000_000;
/// Deepest nesting.
const MOST_DEEP: usize = 64;

/// A YAML value with the place where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    /// Source text of a plain or quoted scalar (`1.10`, `007` stay as written).
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub struct Key {
    pub place: Place,
    pub text: String,
}

impl Node {
    /// The node at a path such as `policies[2].schedule`. A key with dots in it is found, too.
    pub fn at(&self, path: &str) -> Option<&Node> {
        if path.is_empty() {
            return Some(self);
        }
        match &self.value {
            Value::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                items.get(index.parse::<usize>().ok()?)?.at(rest.strip_prefix('.').unwrap_or(rest))
            }
            Value::Map(entries) => entries.iter().find_map(|(key, node)| node.at(below(path, &key.text)?)),
            _ => None,
        }
    }
    /// Where the key at the end of `path` is written; for a list item, the item itself.
    pub fn key_at(&self, path: &str) -> Option<Place> {
        match &self.value {
            Value::Map(entries) => entries.iter().find_map(|(key, node)| match below(path, &key.text)? {
                "" => Some(key.place),
                rest => node.key_at(rest),
            }),
            Value::List(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                match rest.strip_prefix('.').unwrap_or(rest) {
                    "" => Some(item.place),
                    rest => item.key_at(rest),
                }
            }
            _ => None,
        }
    }
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }
    /// Text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
    /// Value of `key` in a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

/// What is left of `path` below `key`, if it leads through it.
fn below<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(key)?;
    match rest.as_bytes().first() {
        None => Some(""),
        Some(b'.') => Some(&rest[1..]),
        Some(b'[') => Some(rest),
        _ => None,
    }
}

/// `path` and the key or `[n]` below it.
pub fn join(path: &str, step: &str) -> String {
    match path.is_empty() || step.starts_with('[') {
        true => format!("{path}{step}"),
        false => format!("{path}.{step}"),
    }
}

/// Parses one document; bounded in depth and size. An empty one is null. The first mistake ends it; see [`parse_noting`].
pub fn parse(file: FileNo, text: &str) -> Result<Node, Mistake> {
    let mut mistakes = Mistakes::default();
    let node = parse_noting(file, text, &mut mistakes);
    match (mistakes.list.into_iter().next(), node) {
        (None, Some(node)) => Ok(node),
        (Some(mistake), _) => Err(mistake),
        (None, None) => Err(mistake_at(Place { file, line: 1, column: 1 }, "cannot be read as YAML".into())),
    }
}

/// Parses one document and goes on after a key written twice; `None` where the text is no YAML at all.
pub fn parse_noting(file: FileNo, text: &str, mistakes: &mut Mistakes) -> Option<Node> {
    let start = Place { file, line: 1, column: 1 };
    if text.len() > MOST_BYTES {
        mistakes.note(mistake_at(start, format!("is larger than {} MiB", MOST_BYTES >> 20)));
        return None;
    }
    let mut options = parser::Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    options.flow_nesting_limit = MOST_DEEP;
    options.block_nesting_limit = MOST_DEEP;
    let mut builder = Builder {
        file,
        events: parser::Parser::new_from_str_with_options(text, options),
        anchors: BTreeMap::new(),
        nodes: 0,
        path: Vec::new(),
        mistakes,
    };
    match builder.document() {
        Ok(node) => Some(node),
        Err(mistake) => {
            mistakes.note(mistake);
            None
        }
    }
}

/// Lines that the parser stumbles over may hold anything, so they count as secret.
fn mistake_at(place: Place, text: String) -> Mistake {
    Mistake { place: Some(place), path: String::new(), text, secret: true }
}

struct Builder<'t, 'm> {
    file: FileNo,
    events: parser::Parser<'t, parser::StrInput<'t>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    /// Keys and `[n]` that lead to the node in hand.
    path: Vec<String>,
    mistakes: &'m mut Mistakes,
}

type Event<'t> = (parser::Event<'t>, Place);

impl<'t> Builder<'t, '_> {
    fn document(&mut self) -> Result<Node, Mistake> {
        let mut root = None;
        loop {
            let (event, place) = self.next()?;
            match event {
                parser::Event::StreamEnd => break,
                parser::Event::StreamStart | parser::Event::DocumentStart(..) | parser::Event::DocumentEnd => {}
                _ if root.is_some() => {
                    return Err(mistake_at(place, "a second document begins here; one file holds one document".into()));
                }
                event => root = Some(self.node((event, place))?),
            }
        }
        Ok(root.unwrap_or(Node { place: Place { file: self.file, line: 1, column: 1 }, value: Value::Null }))
    }

    fn next(&mut self) -> Result<Event<'t>, Mistake> {
        match self.events.next() {
            None => Ok((parser::Event::StreamEnd, self.place(1, 0))),
            Some(Ok((event, span))) => {
                let at = span.tag_start().unwrap_or(span.start);
                Ok((event, self.place(at.line(), at.col())))
            }
            Some(Err(error)) => {
                let at = *error.marker();
                let why = error.info().replace('\n', " ");
                let hint = if why.contains("alias") { "; quote a text that begins with `*` or `&`" } else { "" };
                Err(mistake_at(self.place(at.line(), at.col()), format!("is not YAML: {why}{hint}")))
            }
        }
    }

    fn place(&self, line: usize, column: usize) -> Place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.file, line: number(line.max(1)), column: number(column.saturating_add(1)) }
    }

    fn node(&mut self, (event, place): Event<'t>) -> Result<Node, Mistake> {
        self.count(1, place)?;
        if self.path.len() > MOST_DEEP {
            return Err(mistake_at(place, format!("is nested more than {MOST_DEEP} deep")));
        }
        let before = self.nodes;
        let (value, anchor) = match event {
            parser::Event::Alias(id) => return self.alias(id, place),
            parser::Event::UnresolvedAlias(_) => {
                let text = "this alias names no anchor above it; quote a text that begins with `*`";
                return Err(mistake_at(place, text.into()));
            }
            parser::Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != parser::ScalarStyle::Plain || core_tag(tag.as_deref(), place)? == Some("str");
                (scalar(text.into_owned(), quoted), anchor)
            }
            parser::Event::SequenceStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), place)?;
                (self.list()?, anchor)
            }
            parser::Event::MappingStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), place)?;
                (self.mapping()?, anchor)
            }
            _ => return Err(mistake_at(place, "a value is expected here".into())),
        };
        let node = Node { place, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<Node, Mistake> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(mistake_at(place, "this alias stands inside its own anchor".into()));
        };
        let (mut node, size) = (node.clone(), *size);
        self.count(size, place)?;
        // A scalar is blamed where it is used; the parts of a larger value where they are written.
        if matches!(node.value, Value::Scalar { .. } | Value::Null) {
            node.place = place;
        }
        Ok(node)
    }

    fn list(&mut self) -> Result<Value, Mistake> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (parser::Event::SequenceEnd, _) => return Ok(Value::List(items)),
                event => items.push(self.child(event, format!("[{}]", items.len()))?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Mistake> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut known: BTreeMap<String, Place> = BTreeMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, parser::Event::MappingEnd) {
                break;
            }
            let merges = matches!(&event, parser::Event::Scalar(text, parser::ScalarStyle::Plain, ..) if text == "<<");
            let text = match self.child((event, place), String::new())?.value {
                Value::Scalar { text, .. } => text,
                Value::Null => return Err(mistake_at(place, "a key is missing before this colon".into())),
                _ => return Err(mistake_at(place, "a key must be a plain word, not a list or a map".into())),
            };
            let event = self.next()?;
            let node = self.child(event, text.clone())?;
            if merges {
                self.merge(node, &mut merged)?;
            } else if let Some(first) = known.get(&text) {
                let words = format!("this key is written twice; it already stands in line {}", first.line);
                let path = self.path.iter().fold(String::new(), |path, step| join(&path, step));
                self.mistakes.note(Mistake { path: join(&path, &text), ..mistake_at(place, words) });
            } else {
                known.insert(text.clone(), place);
                entries.push((Key { place, text }, node));
            }
        }
        for (key, node) in merged {
            if known.insert(key.text.clone(), key.place).is_none() {
                entries.push((key, node));
            }
        }
        Ok(Value::Map(entries))
    }

    fn child(&mut self, event: Event<'t>, step: String) -> Result<Node, Mistake> {
        self.path.push(step);
        let node = self.node(event);
        self.path.pop();
        node
    }

    /// Entries behind `<<`, in the order in which they win.
    fn merge(&mut self, node: Node, into: &mut Vec<(Key, Node)>) -> Result<(), Mistake> {
        match node.value {
            Value::Map(entries) => into.extend(entries),
            Value::List(items) if items.iter().all(|item| item.map().is_some()) => {
                for item in items {
                    self.merge(item, into)?;
                }
            }
            _ => return Err(mistake_at(node.place, "behind `<<` stands a map, or a list of maps".into())),
        }
        Ok(())
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), Mistake> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            return Err(mistake_at(place, format!("more than {MOST_NODES} values, aliases expanded")));
        }
        Ok(())
    }
}

fn scalar(text: String, quoted: bool) -> Value {
    if !quoted && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar { text, quoted }
}

/// Tags of YAML's own types are let through; any other would be dropped in silence, so it is refused.
fn core_tag(tag: Option<&parser::Tag>, place: Place) -> Result<Option<&str>, Mistake> {
    let Some(tag) = tag else { return Ok(None) };
    match tag.core_suffix() {
        Some(suffix) => Ok(Some(suffix)),
        None => Err(mistake_at(place, "a tag (`!…`) has no meaning here; quote a text that begins with `!`".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Node {
        parse(FileNo(0), text).unwrap()
    }
    fn place(node: &Node) -> (u32, u32) {
        (node.place.line, node.place.column)
    }
    fn bad(text: &str) -> String {
        let mistake = parse(FileNo(0), text).unwrap_err();
        let at = mistake.place.unwrap();
        format!("{}:{}: {}", at.line, at.column, mistake.text)
    }

    #[test]
    fn scalars_keep_their_source_text() {
        for text in ["1.10", "007", "09:00", "1e3", "0x1F", "2026-03-01", "no", "true", "1_000", "-1", "60s"] {
            let node = ok(&format!("a: {text}"));
            assert!(
                matches!(&node.get("a").unwrap().value, Value::Scalar { text: t, quoted: false } if t == text),
                "{text}"
            );
        }
        assert!(matches!(ok("a: 'null'").get("a").unwrap().value, Value::Scalar { quoted: true, .. }));
        assert!(matches!(ok("a: !!str null").get("a").unwrap().value, Value::Scalar { quoted: true, .. }));
        for null in ["", "~", "null"] {
            assert!(ok(&format!("a: {null}")).get("a").unwrap().is_null());
        }
    }

    #[test]
    fn places_are_lines_and_columns_from_one_in_characters() {
        let node = ok("# ü\nä: { b: \"x\", c: [1, {d: e}] }\n");
        assert_eq!(place(node.at("ä.b").unwrap()), (2, 9));
        assert_eq!(place(node.at("ä.c[1].d").unwrap()), (2, 25));
        assert_eq!(node.key_at("ä.c[1].d").map(|p| p.column), Some(22));
        assert!(node.at("ä.c[7]").is_none());
        assert!(node.at("ä.x").is_none());
    }

    #[test]
    fn a_path_leads_through_keys_with_dots() {
        let node = ok("match: { fact.team: x }");
        assert_eq!(node.at("match.fact.team").unwrap().text(), Some("x"));
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let node = ok("base: &b { x: 1, y: 2 }\na: { <<: *b, y: 3 }\nl: { <<: [{ y: 4 }, *b] }\ns: &s v\nt: *s\n");
        assert_eq!(node.at("a.x").unwrap().text(), Some("1"));
        assert_eq!(node.at("a.y").unwrap().text(), Some("3"));
        assert_eq!(node.at("l.y").unwrap().text(), Some("4"));
        assert_eq!(place(node.at("a.x").unwrap()), (1, 15), "merged values keep their place");
        assert_eq!((node.at("t").unwrap().text(), place(node.at("t").unwrap())), (Some("v"), (5, 4)));
    }

    #[test]
    fn a_key_written_twice_names_both_places() {
        assert_eq!(bad("a: 1\nb: 2\na: 3\n"), "3:1: this key is written twice; it already stands in line 1");
        let mut mistakes = Mistakes::default();
        assert!(parse_noting(FileNo(0), "a: 1\na: 2\nb: {c: 1, c: 2}\n", &mut mistakes).is_some());
        let paths: Vec<_> = mistakes.list.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(paths, ["a", "b.c"]);
    }

    #[test]
    fn what_is_no_single_document_is_refused() {
        for (text, expected) in [
            ("a: 1\n---\nb: 2\n", "3:1: a second document"),
            ("a: *nowhere\n", "1:4: this alias names no anchor"),
            ("a: &x [*x]\n", "1:8: this alias stands inside its own anchor"),
            ("a: !env X\n", "1:4: a tag"),
            ("? [a]\n: b\n", "1:3: a key must be a plain word"),
            ("<<: 3\n", "1:5: behind `<<`"),
            ("a: [1, 2\n", "is not YAML"),
            ("a:\n\t- b\n", "is not YAML"),
            ("a: 'open\n", "is not YAML"),
        ] {
            assert!(bad(text).contains(expected), "{text:?}: {}", bad(text));
        }
        assert!(ok("").is_null());
        assert!(ok("# only words\n").is_null());
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(parse(FileNo(0), &"[".repeat(100_000)).is_err());
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(bad(&laughs).contains("more than 1000000 values"));
        let wide = "a: 1\n".repeat(1 << 21);
        assert!(bad(&wide).contains("larger than 8 MiB"));
    }

    #[test]
    fn a_mistake_of_syntax_never_quotes_its_line() {
        assert!(parse(FileNo(0), "token: \"hunter2\n").unwrap_err().secret);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_words(text in "[a-c:{}\\[\\],\"'&*!|>\n \t#-]{0,60}") {
            if let Err(mistake) = parse(FileNo(0), &text) {
                proptest::prop_assert!(!mistake.text.is_empty());
            }
        }
        #[test]
        fn any_quoted_text_survives(text in "\\PC{0,40}") {
            let node = ok(&format!("a: {}", serde_json::to_string(&text).unwrap()));
            proptest::prop_assert_eq!(node.get("a").unwrap().text(), Some(text.as_str()));
        }
    }
}
