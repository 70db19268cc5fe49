//! Cut and escape to the limits of a channel; never inside a character or an entity.
//!
//! Pure. Names come from strangers: whatever they hold, they stay one piece of inert text on one line.

use crate::deliver::message::Span;

/// Slack's own count is not told; UTF-16 units are the larger of the plausible ones.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// One line without controls, line separators and characters that change how others are shown.
pub fn inert(text: &str) -> String {
    text.chars().map(inert_char).collect()
}

fn inert_char(c: char) -> char {
    match c {
        c if c.is_control() => ' ',
        '\u{2028}' | '\u{2029}' => ' ',
        '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {
            '\u{FFFD}'
        }
        c => c,
    }
}

/// [`inert`] for a header: what looks like an encoded word (RFC 2047) would be decoded by whoever reads it.
pub fn header(text: &str) -> String {
    inert(text).replace("=?", "= ?")
}

/// At most `most` bytes, `…` included, cut between characters.
pub fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(ELLIPSIS.len_utf8());
    let end = (0..=room).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    if most < ELLIPSIS.len_utf8() { String::new() } else { format!("{}{ELLIPSIS}", &text[..end]) }
}

const ELLIPSIS: char = '…';

/// Which of Slack's rules apply at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between formatting: its marks are replaced.
    Text,
    /// Inside backticks: only the backtick itself can end it.
    Code,
}

/// Text for Slack's `mrkdwn`, at most `most` units: `&`, `<`, `>` escaped (no `<!channel>`, no disguised link), formatting
/// marks and mentions inert.
pub fn slack_text(text: &str, most: usize) -> String {
    slack(text, Place::Text, most)
}

/// A name as code, backticks included in `most`.
pub fn slack_name(name: &str, most: usize) -> String {
    let name = if name.is_empty() { "(no name)" } else { name };
    if most < 3 {
        return String::new();
    }
    format!("`{}`", slack(name, Place::Code, most - 2))
}

fn slack(text: &str, place: Place, most: usize) -> String {
    // Every piece is at least one unit, so nothing beyond `most` characters can matter.
    let chars: Vec<char> = text.chars().take(most.saturating_add(LONGEST_WORD)).map(inert_char).collect();
    let mut out = String::new();
    let (mut used, mut kept) = (0, 0);
    for (at, &c) in chars.iter().enumerate() {
        let piece = piece(&chars, at, c, place);
        used += units(&piece);
        if used > most {
            out.truncate(kept);
            out.extend((most > 0).then_some(ELLIPSIS));
            return out;
        }
        out.push_str(&piece);
        if used < most {
            kept = out.len();
        }
    }
    out
}

/// What `piece` looks ahead: a mention.
const LONGEST_WORD: usize = 8;

/// What may not be parted: one character, one entity, or one disarmed mark.
fn piece(chars: &[char], at: usize, c: char, place: Place) -> String {
    match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '`' => "'".into(),
        '@' if mentions(&chars[at + 1..]) => "@\u{2060}".into(),
        '*' if place == Place::Text => "∗".into(),
        '~' if place == Place::Text => "∼".into(),
        '_' if place == Place::Text && !within_word(chars, at) => "＿".into(),
        c => c.into(),
    }
}

fn mentions(after: &[char]) -> bool {
    ["everyone", "channel", "here"]
        .iter()
        .any(|word| after.len() >= word.len() && word.chars().zip(after).all(|(a, b)| a == b.to_ascii_lowercase()))
}

/// Italic opens and closes only at the edge of a word; `RENOVATE_TOKEN` stays as it is.
fn within_word(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
    before && chars.get(at + 1).is_some_and(|c| c.is_alphanumeric())
}

/// Spans dressed for Slack, at most `most` units; a span that does not fit is cut, a link that does not is only its words.
pub fn slack_spans(spans: &[Span], most: usize) -> String {
    let mut out = String::new();
    for span in spans {
        let room = most.saturating_sub(units(&out));
        let piece = match span {
            Span::Plain(text) => slack_text(text, room),
            Span::Apart => slack_text(span.text(), room),
            Span::Strong(text) if text.trim().is_empty() || room < 4 => String::new(),
            Span::Strong(text) => format!("*{}*", slack_text(text.trim(), room - 2)),
            Span::Name(name) => slack_name(name, room),
            Span::Link { text, url } => slack_link(text, url, room),
        };
        out.push_str(&piece);
        if units(&out) >= most {
            break;
        }
    }
    out
}

fn slack_link(text: &str, url: &str, room: usize) -> String {
    let url = url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C");
    let label = slack_text(text, 80).replace('|', "∣");
    let link = format!("<{}|{label}>", inert(&url));
    match (units(&link) <= room, units(&label) <= room) {
        (true, _) => link,
        (false, true) => label,
        (false, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// No markup of Slack but entities is left, and each entity is whole.
    fn is_inert(text: &str) -> bool {
        let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        !bare.contains(['&', '<', '>', '\n', '\r', '\u{202E}']) && !bare.chars().any(char::is_control)
    }

    #[test]
    fn hostile_names_come_out_inert() {
        let table = [
            ("<!channel>", "`&lt;!channel&gt;`"),
            ("<https://evil.example|click>", "`&lt;https://evil.example|click&gt;`"),
            ("a`b", "`a'b`"),
            ("a&amp;b", "`a&amp;amp;b`"),
            ("@everyone", "`@\u{2060}everyone`"),
            ("x@Here", "`x@\u{2060}Here`"),
            ("ops@example.com", "`ops@example.com`"),
            ("a\r\nb", "`a  b`"),
            ("a\u{202E}b", "`a\u{FFFD}b`"),
            ("", "`(no name)`"),
        ];
        for (name, shown) in table {
            assert_eq!(slack_name(name, 100), shown);
        }
    }

    #[test]
    fn a_header_holds_no_encoded_word_of_a_stranger() {
        assert_eq!(header("=?utf-8?q?=0D=0ABcc:_x?=\r\n"), "= ?utf-8?q?=0D=0ABcc:_x?=  ");
        assert_eq!(header("Größe = 3?"), "Größe = 3?");
    }

    #[test]
    fn formatting_in_plain_text_is_disarmed_and_words_are_kept() {
        assert_eq!(
            slack_text("*bold* ~gone~ _it_ `code` RENOVATE_TOKEN", 100),
            "∗bold∗ ∼gone∼ ＿it＿ 'code' RENOVATE_TOKEN"
        );
    }

    #[test]
    fn cutting_keeps_entities_and_surrogates_whole() {
        assert_eq!(slack_text("ab<<<", 7), "ab&lt;…");
        assert_eq!(slack_text("ab<<<", 6), "ab…");
        assert_eq!(slack_text("😀😀😀", 5), "😀😀…");
        assert_eq!(slack_text("😀😀😀", 4), "😀…");
        assert_eq!(slack_text("abc", 0), "");
        assert_eq!(cut_bytes("äää", 5), "ä…");
        assert_eq!(cut_bytes("äää", 6), "äää");
        assert_eq!(cut_bytes("abcdef", 2), "");
    }

    #[test]
    fn a_link_is_whole_or_its_words_or_absent() {
        let link = [Span::Link { text: "how|to>".into(), url: "https://x.example/?a=1&b=2".into() }];
        assert_eq!(slack_spans(&link, 100), "<https://x.example/?a=1&amp;b=2|how∣to&gt;>");
        assert_eq!(slack_spans(&link, 20), "how∣to&gt;");
        assert_eq!(slack_spans(&link, 9), "");
    }

    proptest! {
        #[test]
        fn any_text_is_inert_and_fits(text in "\\PC*|.*|[<>&`@*_~\\r\\n\u{202E}\u{0301}😀]*", most in 0usize..60) {
            let out = slack_text(&text, most);
            prop_assert!(units(&out) <= most);
            prop_assert!(is_inert(&out), "{out:?}");
            prop_assert!(!out.contains('`'));
            let name = slack_name(&text, most);
            prop_assert!(units(&name) <= most);
            prop_assert!(is_inert(&name), "{name:?}");
            prop_assert_eq!(name.matches('`').count(), if most < 3 { 0 } else { 2 });
        }

        #[test]
        fn any_spans_fit(texts in proptest::collection::vec(any::<String>(), 0..8), most in 0usize..200) {
            let spans: Vec<Span> = texts.iter().enumerate().map(|(nth, text)| match nth % 4 {
                0 => Span::Plain(text.clone()),
                1 => Span::Strong(text.clone()),
                2 => Span::Name(text.clone()),
                _ => Span::Link { text: text.clone(), url: "https://x.example/a".into() },
            }).collect();
            prop_assert!(units(&slack_spans(&spans, most)) <= most);
        }

        #[test]
        fn bytes_are_cut_between_characters(text in any::<String>(), most in 0usize..40) {
            prop_assert!(cut_bytes(&text, most).len() <= most);
        }

        #[test]
        fn short_text_without_markup_is_untouched(text in "[a-zA-Z0-9 /.:äß-]{0,50}") {
            prop_assert_eq!(slack_text(&text, 100), text);
        }
    }
}
