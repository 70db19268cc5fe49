//! The per-token families, one row each (surfaces 3.1): name, help, and the lines a token has in it. Pure.

use std::fmt::Write;

use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::token::Token;
use crate::judge::evaluate::rules::Rules;

/// One family of per-token series.
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub lines: fn(&mut String, &Labels, &Token<'_>, &Standing, &Rules),
    /// Off unless `metrics.also` names it.
    pub also: Option<&'static str>,
}

/// A token's identity labels, escaped once: `collector="…",token="…"`.
pub struct Labels {
    pub identity: String,
    pub token: String,
}

impl Labels {
    pub fn of(token: &Token<'_>) -> Self {
        let name = escaped(&token.label);
        let mut identity = String::with_capacity(name.len() + 48);
        identity.push_str("collector=\"");
        escape(&mut identity, token.key.collector.as_str());
        identity.push_str("\",token=\"");
        identity.push_str(&name);
        identity.push('"');
        Self { identity, token: name }
    }
}

/// In the order in which the page has them.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "forewarn_token_info",
        help: "One per watched token: who issues it, what it is, whose it is, and its state; always 1.",
        lines: info,
        also: None,
    },
    Family {
        name: "forewarn_token_expiry_timestamp_seconds",
        help: "When the newest usable generation of the token expires.",
        lines: |out, labels, _, standing, _| {
            instant(out, "forewarn_token_expiry_timestamp_seconds", labels, standing.expiry)
        },
        also: None,
    },
    Family {
        name: "forewarn_token_never_expires",
        help: "Present, with value 1, for tokens that have no expiry.",
        lines: |out, labels, _, standing, _| {
            if standing.never {
                line(out, "forewarn_token_never_expires", &labels.identity, "1");
            }
        },
        also: None,
    },
    Family {
        name: "forewarn_token_issued_timestamp_seconds",
        help: "When the newest usable generation of the token was issued.",
        lines: |out, labels, token, _, _| {
            let issued = token.head().and_then(|head| head.issued);
            instant(out, "forewarn_token_issued_timestamp_seconds", labels, issued);
        },
        also: Some("issued"),
    },
    Family {
        name: "forewarn_token_last_used_timestamp_seconds",
        help: "Last use of the token as the issuer tells it, in the issuer's granularity.",
        lines: |out, labels, token, _, _| {
            let used = token.head().and_then(|head| head.last_used).map(|used| used.at);
            instant(out, "forewarn_token_last_used_timestamp_seconds", labels, used);
        },
        also: Some("last_used"),
    },
    Family {
        name: "forewarn_token_rotation_due_timestamp_seconds",
        help: "When the token must be replaced by its rotation schedule.",
        lines: |out, labels, _, standing, _| {
            instant(out, "forewarn_token_rotation_due_timestamp_seconds", labels, standing.rotation_due);
        },
        also: None,
    },
    Family {
        name: "forewarn_token_deadline_timestamp_seconds",
        help: "Earliest instant at which something goes wrong if nobody acts, with its reason.",
        lines: deadline,
        also: None,
    },
    Family {
        name: "forewarn_token_finding",
        help: "One per open finding of a token; absent when there is none.",
        lines: findings,
        also: None,
    },
    Family {
        name: "forewarn_token_pipeline_info",
        help: "Which pipelines use which token; always 1.",
        lines: pipelines,
        also: None,
    },
];

fn info(out: &mut String, labels: &Labels, token: &Token<'_>, standing: &Standing, rules: &Rules) {
    let policy = rules.policy(token.policy);
    let issuer = rules.collector(&token.key.collector).map_or("", |rules| rules.issuer.as_str());
    let expiry = match (standing.expiry, standing.never) {
        (Some(_), _) => "at",
        (None, true) => "never",
        (None, false) => "unknown",
    };
    out.push_str("forewarn_token_info{");
    out.push_str(&labels.identity);
    label(out, "issuer", issuer);
    label(out, "kind", token.key.kind());
    label(out, "team", token.team.as_ref().map_or("", |team| team.as_str()));
    label(out, "schedule", policy.schedule.as_ref().map_or("", |schedule| schedule.id.as_str()));
    label(out, "expiry", expiry);
    label(out, "state", standing.state.as_str());
    out.push_str("} 1\n");
}

fn deadline(out: &mut String, labels: &Labels, _: &Token<'_>, standing: &Standing, _: &Rules) {
    if let Some((at, reason)) = standing.deadline {
        let identity = &labels.identity;
        let _ = writeln!(
            out,
            "forewarn_token_deadline_timestamp_seconds{{{identity},reason=\"{reason}\"}} {}",
            at.timestamp()
        );
    }
}

fn findings(out: &mut String, labels: &Labels, _: &Token<'_>, standing: &Standing, _: &Rules) {
    for (finding, severity) in standing.findings.iter() {
        let identity = &labels.identity;
        let _ = writeln!(out, "forewarn_token_finding{{{identity},finding=\"{finding}\",severity=\"{severity}\"}} 1");
    }
}

fn pipelines(out: &mut String, labels: &Labels, token: &Token<'_>, _: &Standing, rules: &Rules) {
    for pipeline in &rules.policy(token.policy).pipelines {
        let pipeline = escaped(pipeline.as_str());
        let _ = writeln!(out, "forewarn_token_pipeline_info{{token=\"{}\",pipeline=\"{pipeline}\"}} 1", labels.token);
    }
}

fn instant(out: &mut String, name: &str, labels: &Labels, at: Option<At>) {
    if let Some(at) = at {
        out.push_str(name);
        out.push('{');
        out.push_str(&labels.identity);
        let _ = writeln!(out, "}} {}", at.timestamp());
    }
}

/// One sample; `labels` are already escaped.
pub fn line(out: &mut String, name: &str, labels: &str, value: &str) {
    out.push_str(name);
    if !labels.is_empty() {
        out.push('{');
        out.push_str(labels);
        out.push('}');
    }
    out.push(' ');
    out.push_str(value);
    out.push('\n');
}

/// HELP and TYPE of a family.
pub fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// `,name="value"`; an empty value is an absent label.
pub fn label(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        out.push(',');
        out.push_str(name);
        out.push_str("=\"");
        escape(out, value);
        out.push('"');
    }
}

/// A label value for the text format 0.0.4: backslash, quote and newline escaped.
pub fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    escape(&mut out, value);
    out
}

/// The same, appended; what needs no escaping, as nearly everything, is copied whole.
fn escape(out: &mut String, value: &str) {
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'\\' | b'"' | b'\n')) {
        out.push_str(&value[from..at]);
        out.push_str(match byte {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        from = at + 1;
    }
    out.push_str(&value[from..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(text: &str) -> String {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            out.push(match c {
                '\\' => match chars.next().unwrap() {
                    'n' => '\n',
                    other => other,
                },
                c => c,
            });
        }
        out
    }

    proptest! {
        #[test]
        fn any_label_value_survives(value in any::<String>()) {
            let text = escaped(&value);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(unescaped(&text), value);
        }
    }
}
