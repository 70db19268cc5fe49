//! docs/configuration.md: every section, key, type, default and example, one line each, read from the schema alone.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::fresh_part;

struct Reference<'a> {
    defs: &'a Map<String, Value>,
    out: String,
    /// Definitions that are no section: texts of a form, and values of several shapes.
    spelled: Vec<&'a str>,
}

/// A definition's name → the word for it in a table.
fn word(definition: &str) -> String {
    let known = match definition {
        "BaseUrl" => "base URL",
        "Link" => "URL",
        "ZoneName" => "time zone",
        "Cron" => "cron expression",
        "TeamOfToken" => "team of a token",
        "RouteMatch" => "match of a route",
        other => return other.to_lowercase(),
    };
    known.into()
}

fn anchor(word: &str) -> String {
    word.to_lowercase().replace(' ', "-")
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {}", bare(value))).collect();
            format!("`{{ {} }}`", entries.join(", "))
        }
        other => format!("`{}`", bare(other)),
    }
}

/// YAML on one line.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(['*', '#', ':', ',', '{', '[']) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(bare).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => text_of(value).trim_matches('`').to_owned(),
        other => other.to_string(),
    }
}

impl<'a> Reference<'a> {
    fn definition(&self, name: &str) -> &'a Value {
        &self.defs[name]
    }

    /// A section of keys, as opposed to a value.
    fn is_section(&self, name: &str) -> bool {
        self.definition(name)["type"] == "object" && !["Secret", "Match", "RouteMatch"].contains(&name)
    }

    fn kind(&mut self, schema: &'a Value) -> String {
        if let Some(name) = name_of(schema) {
            if let Some(words) = closed(self.definition(name)) {
                return words;
            }
            if self.is_section(name) {
                return "map".into();
            }
            if !self.spelled.contains(&name) {
                self.spelled.push(name);
            }
            let word = word(name);
            return format!("[{word}](#{})", anchor(&word));
        }
        if let Some(words) = closed(schema) {
            return words;
        }
        if schema["items"].is_object() {
            return format!("list of {}", self.kind(&schema["items"]).replace("map", "maps"));
        }
        if let Some(values) = values_of(schema) {
            return format!("map of names to {}", self.kind(values).replace("map", "maps"));
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        };
        match kind {
            "string" => "text",
            "integer" => "whole number",
            "boolean" => "`true`, `false`",
            "object" => "map",
            _ => "value",
        }
        .into()
    }

    fn heading(&mut self, path: &str, depth: usize) {
        let _ = write!(self.out, "\n{} `{path}`\n\n", "#".repeat(depth.min(4)));
    }

    /// The table of a section, then the sections within it.
    fn section(&mut self, path: &str, name: &str, depth: usize) {
        let schema = self.definition(name);
        self.heading(path, depth);
        let _ = writeln!(self.out, "{}", schema["description"].as_str().unwrap_or_default().replace('\n', " "));
        let Some(properties) = schema["properties"].as_object() else { return };
        self.out += "\n| key | type | default | what it does |\n|---|---|---|---|\n";
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, child) in properties {
            self.row(key, child, required.contains(&key.as_str()));
        }
        for (key, child) in properties {
            let list = if child["items"].is_object() { "[]" } else { "" };
            if let Some(name) =
                [child, &child["items"]].into_iter().find_map(name_of).filter(|name| self.is_section(name))
            {
                self.section(&format!("{path}.{key}{list}"), name, depth + 1);
            }
        }
    }

    fn row(&mut self, key: &str, schema: &'a Value, required: bool) {
        let kind = self.kind(schema).replace('|', "\\|");
        let default = match (&schema["default"], required) {
            (Value::Null, true) => "**required**".into(),
            (Value::Null, false) => String::new(),
            (value, _) => text_of(value),
        };
        let mut what = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        let examples: Vec<_> = schema["examples"].as_array().into_iter().flatten().map(text_of).collect();
        if !examples.is_empty() {
            what += &format!(" Example: {}", examples.join(", "));
        }
        let _ = writeln!(self.out, "| `{key}` | {kind} | {default} | {} |", what.replace('|', "\\|"));
    }

    /// The values that sections name; a value may name another one.
    fn spellings(&mut self) {
        self.out += "\n## How values are written\n";
        let mut nth = 0;
        while let Some(name) = self.spelled.get(nth).copied() {
            nth += 1;
            let schema = self.definition(name);
            let _ = write!(self.out, "\n### {}\n\n", capital(&word(name)));
            let _ = writeln!(self.out, "{}", schema["description"].as_str().unwrap_or_default().replace('\n', " "));
            let examples: Vec<_> = schema["examples"].as_array().into_iter().flatten().map(text_of).collect();
            if !examples.is_empty() {
                let _ = write!(self.out, "\nExamples: {}\n", examples.join(", "));
            }
            if let Some(fields) = schema["properties"].as_object().filter(|_| name != "Secret") {
                self.out += "\n| field | what it looks at |\n|---|---|\n";
                for (field, schema) in fields {
                    let words = allowed(schema).map(|words| format!(" One of {words}.")).unwrap_or_default();
                    let sentence = schema["description"].as_str().unwrap_or_default();
                    let _ = writeln!(self.out, "| `{field}` | {sentence}{words} |");
                    self.kind(schema);
                }
                self.out += "| `fact.NAME` | What the issuer says besides: `fact.owner`, `fact.meta.team`. |\n";
            }
            for child in schema["anyOf"].as_array().into_iter().flatten() {
                self.kind(child);
            }
        }
    }
}

fn values_of(schema: &Value) -> Option<&Value> {
    let open = Some(&schema["additionalProperties"]).filter(|values| values.is_object());
    open.or_else(|| schema["patternProperties"].as_object().and_then(|all| all.values().next()))
}

/// The words of a closed list.
fn closed(schema: &Value) -> Option<String> {
    let words = schema["enum"].as_array()?;
    Some(words.iter().map(|word| format!("`{}`", bare(word))).collect::<Vec<_>>().join(", "))
}

/// The closed list inside a field of a match.
fn allowed(schema: &Value) -> Option<String> {
    closed(&schema["anyOf"][0]["anyOf"][0])
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default() + letters.as_str()
}

#[test]
fn generated_configuration_is_fresh() {
    let document = forewarn::config::schema::document();
    let defs = document["$defs"].as_object().unwrap();
    let mut reference = Reference { defs, out: String::new(), spelled: Vec::new() };
    reference.out += "| section | type | default | what it holds |\n|---|---|---|---|\n";
    let sections = document["properties"].as_object().unwrap();
    for (key, schema) in sections {
        let whole = schema["anyOf"].as_array().map_or(schema, |choices| &choices[0]);
        let kind = reference.kind(whole);
        let default = if schema["default"].is_null() { String::new() } else { text_of(&schema["default"]) };
        let what = schema["description"].as_str().unwrap();
        let _ = writeln!(reference.out, "| `{key}` | {kind} | {default} | {what} |");
    }
    for (key, schema) in sections {
        let whole = schema["anyOf"].as_array().map_or(schema, |choices| &choices[0]);
        let list = if whole["items"].is_object() { "[]" } else { "" };
        match (values_of(whole).and_then(name_of), name_of(whole), name_of(&whole["items"])) {
            (Some(name), ..) => reference.section(&format!("{key}.NAME"), name, 2),
            (_, Some(name), _) | (.., Some(name)) => reference.section(&format!("{key}{list}"), name, 2),
            _ => {}
        }
    }
    reference.spellings();
    fresh_part("docs/configuration.md", &reference.out);
}
