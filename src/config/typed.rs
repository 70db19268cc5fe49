//! `tokens:` of the issuer `declared`: names and dates that someone typed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::check::Check;
use super::sections::TypedSection;
use crate::base::time::stamp::{Edge, Format, Stamp, read};
use crate::base::yaml::mistake::quoted;
use crate::base::yaml::reader::read as read_node;
use crate::base::yaml::tree::Node;
use crate::collect::issuer::declared::Typed;
use crate::domain::At;
use crate::domain::text::Text;

/// Checks every entry; one that is wrong is noted and left out.
pub fn tokens(check: &mut Check<'_>, collector: &str) -> Vec<Typed> {
    let list = format!("{collector}.tokens");
    let root = check.root;
    let items = root.at(&list).and_then(Node::list).unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(items.len());
    for (nth, item) in items.iter().enumerate() {
        let path = format!("{list}[{nth}]");
        // Read by itself, so that its number stays true where another entry could not be read.
        let Some(section) = read_node::<TypedSection>(item, &path, check.mistakes) else { continue };
        if section.name.trim().is_empty() {
            check.note(&format!("{path}.name"), "a token's name is empty");
        } else if Text::new(&section.name).as_str() != section.name {
            let text = "a token's name holds no control or direction characters, and at most 200 bytes: it would be \
                        shown as another";
            check.note(&format!("{path}.name"), text);
        } else if !names.insert(section.name.clone()) {
            check.note(&format!("{path}.name"), format!("the name {} is given twice", quoted(&section.name)));
        }
        let expires = match section.expires.as_str() {
            "never" => None,
            text => time(check, &format!("{path}.expires"), text, "write `never`"),
        };
        let issued =
            section.issued.as_deref().and_then(|text| time(check, &format!("{path}.issued"), text, "leave it out"));
        if let (Some((_, end)), Some((start, _))) = (expires, issued)
            && end < start
        {
            check.note(&format!("{path}.issued"), "it would be issued after it expires");
        }
        let at = check.line_of(&path).unwrap_or_default();
        all.push(Typed { name: section.name.clone(), expires, issued: issued.map(|(start, _)| start), at });
    }
    all
}

/// 1 January 2026: what lies more than a century after it is no date. Nothing typed here is relative.
fn anchor() -> At {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_454)
}

/// A date or an RFC 3339 instant, as its early and late edge.
fn time(check: &mut Check<'_>, path: &str, text: &str, instead: &str) -> Option<(At, At)> {
    let bytes = text.as_bytes();
    let dated = bytes.len() >= 10 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-';
    let read = match dated {
        true => read(&text.into(), Format::Auto, Edge::StartOfDay, anchor()).ok(),
        false => None,
    };
    match read {
        Some(Stamp::At { instant, late }) => return Some((instant, late)),
        Some(Stamp::Never) => check.note(path, format!("{} is too far away to be meant; {instead}", quoted(text))),
        None => {
            let text =
                format!("{} is not a date; write 2027-03-01, or 2027-03-01T12:00:00Z, or {instead}", quoted(text));
            check.note(path, text);
        }
    }
    None
}
