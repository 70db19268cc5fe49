//! Plain columns for people: a header line, cells padded to the widest, the last one free. Texts of issuers stay inert.

/// What parts two columns.
const GAP: usize = 2;

/// `indent` blanks before each line.
pub fn text(head: &[&str], rows: &[Vec<String>], indent: usize) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(&head).chain(rows).map(|row| row.iter().map(|cell| inert(cell)).collect()).collect();
    let count = head.len();
    let widths: Vec<usize> = (0..count)
        .map(|nth| lines.iter().filter_map(|row| row.get(nth)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in &lines {
        let mut line = " ".repeat(indent);
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + GAP - cell.chars().count()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Control characters cannot draw on a terminal.
pub fn inert(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_heads() {
        let rows = vec![vec!["a".to_owned(), "x\u{1b}[2J".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(text(&["N", "WHAT"], &rows, 2), "  N     WHAT\n  a     x\u{FFFD}[2J\n  long\n");
    }
}
