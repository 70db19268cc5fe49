//! How much room a text takes on a terminal, and how it is made to fit: cut between what a person sees as characters,
//! wide and combining ones counted as they are drawn. Whatever it holds, it cannot move the cursor.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns that `text` takes.
pub fn of(text: &str) -> usize {
    text.width()
}

/// One line in which nothing draws on the terminal: controls, line separators and direction marks become U+FFFD.
pub fn inert(text: &str) -> String {
    text.chars().map(|c| if is_hostile(c) { '\u{FFFD}' } else { c }).collect()
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// A path of at most `width` columns: `gitlab/…/renovate` where its ends fit, else [`cut`].
pub fn cut_path(path: &str, width: usize) -> String {
    if of(path) <= width {
        return path.to_owned();
    }
    if let (Some((first, rest)), Some((_, last))) = (path.split_once('/'), path.rsplit_once('/')) {
        let ends = format!("{first}/…/{last}");
        if rest.contains('/') && of(&ends) <= width {
            return ends;
        }
    }
    cut(path, width)
}

/// At most `width` columns, cut in the middle: names differ at their ends.
pub fn cut(text: &str, width: usize) -> String {
    if of(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let head = take(text.graphemes(true), room.div_ceil(2));
    let tail = take(text.graphemes(true).rev(), room - of(&head.concat()));
    format!("{}…{}", head.concat(), tail.iter().rev().copied().collect::<String>())
}

fn take<'t>(graphemes: impl Iterator<Item = &'t str>, width: usize) -> Vec<&'t str> {
    let mut used = 0;
    graphemes
        .take_while(|grapheme| {
            used += of(grapheme);
            used <= width
        })
        .collect()
}

/// Pieces joined by ` · `, broken into lines of at most `width` columns between pieces; a piece that is longer is cut.
pub fn flow(pieces: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        let piece = cut(piece, width);
        match lines.last_mut() {
            Some(line) if of(line) + 3 + of(&piece) <= width => {
                line.push_str(" · ");
                line.push_str(&piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_keeps_its_ends() {
        assert_eq!(cut_path("gitlab/platform/eu/renovate", 30), "gitlab/platform/eu/renovate");
        assert_eq!(cut_path("gitlab/platform/eu/renovate", 20), "gitlab/…/renovate");
        assert_eq!(cut_path("gitlab/platform/eu/renovate", 12), "gitlab…ovate");
        assert_eq!(cut_path("gitlab/renovate-everything", 16), "gitlab/r…rything");
        assert_eq!(cut("abc", 1), "…");
    }

    #[test]
    fn wide_and_combining_characters_count_as_they_are_drawn() {
        assert_eq!(of("トークン"), 8);
        assert_eq!(of("e\u{301}e\u{301}"), 2);
        assert_eq!(cut("トークン管理", 8), "トー…理", "a wide character does not fit into one column");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}e\u{301}", 3), "e\u{301}…e\u{301}");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(inert("a\u{1b}[2Jb\r\n\u{202e}c"), "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}\u{FFFD}c");
    }

    #[test]
    fn pieces_stay_whole_where_they_fit() {
        assert_eq!(
            flow(&["Mon 30 Nov", "", "expires", "breaks nightly"], 22),
            ["Mon 30 Nov · expires", "breaks nightly"]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,40}", width in 2usize..40) {
            let text = inert(&text);
            prop_assert!(of(&cut(&text, width)) <= width);
            prop_assert!(of(&cut_path(&text, width)) <= width);
            prop_assert!(flow(&[&text, "b"], width).iter().all(|line| of(line) <= width));
        }
    }
}
