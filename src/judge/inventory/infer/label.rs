//! The label `token` of a slot (semantics 1.2): readable, bounded, given once at first sight.

use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::{Origin, Record};
use crate::domain::text::Text;

/// `collector/place path/name`, before it is known whether another slot has it; a collector's own login is
/// `forewarn/<collector>`.
pub fn readable(collector: &CollectorId, origin: Origin, place_path: &str, name: &str) -> String {
    let collector = collector.as_str();
    let parts: [&str; 3] = match origin {
        Origin::OwnLogin => ["forewarn", collector, ""],
        _ => [collector, place_path, name],
    };
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(part);
    }
    cut(&mut text, Text::MOST);
    text
}

/// The label of a new slot: `taken` tells whether another slot has it already; then `~` and 4 hex digits of its key.
pub fn label(collector: &CollectorId, record: &Record, key: &TokenKey, taken: &dyn Fn(&str) -> bool) -> String {
    let name = Text::new(record.name.as_str());
    let plain = readable(collector, record.origin, record.place_path.as_str(), name.as_str());
    if !taken(&plain) {
        return plain;
    }
    let mut base = plain;
    cut(&mut base, Text::MOST - 5);
    // The digits may be taken too; the salt then gives others, the same ones each time.
    let digits = |salt: u32| (fnv(key, salt) & 0xffff) as u16;
    let mut salt = 0;
    loop {
        let text = format!("{base}~{:04x}", digits(salt));
        if !taken(&text) || salt > u32::from(u16::MAX) {
            return text;
        }
        salt += 1;
    }
}

fn cut(text: &mut String, most: usize) {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// FNV-1a over the key: stable between versions and machines, as a label must be.
fn fnv(key: &TokenKey, salt: u32) -> u64 {
    let bytes = [key.collector.as_str().as_bytes(), b"\x1f", key.slot().as_bytes()].concat();
    let salted = salt.to_le_bytes();
    let salted = if salt == 0 { &[][..] } else { &salted[..] };
    let hash = bytes
        .iter()
        .chain(salted)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^ (hash >> 32)
}
