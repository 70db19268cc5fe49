//! Tables for people: columns without frames, cut to the terminal, the most urgent first.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, TableStyle};
use owo_colors::OwoColorize;

use crate::domain::finding::Severity;
use crate::show::listing::Row;

/// Widths below this are not cut any further.
const NARROWEST: u16 = 60;

/// ENDS, TOKEN, WHY, BREAKS and, where any is known, TEAM. `width`: `None` for a pipe, which is not cut.
pub fn tokens(rows: &[Row], width: Option<u16>) -> String {
    let teams = rows.iter().any(|row| !row.team.is_empty());
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(NARROWEST)),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    let mut head = vec!["ENDS", "", "TOKEN", "WHY", "BREAKS"];
    head.extend(teams.then_some("TEAM"));
    table.set_header(head);
    for row in rows {
        let mut cells =
            vec![row.relative.clone(), row.absolute.clone(), row.token.clone(), row.why.clone(), row.breaks.clone()];
        cells.extend(teams.then(|| row.team.clone()));
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    coloured(&table.to_string(), rows)
}

/// Width of the terminal; `None` where there is none.
pub fn terminal_width() -> Option<u16> {
    Table::new().width()
}

/// The first column of rows that need someone stands out; never the only sign, since WHY says it too.
fn coloured(table: &str, rows: &[Row]) -> String {
    let mut out = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        let row = rows
            .iter()
            .find(|row| !row.relative.is_empty() && line.starts_with(&row.relative) && line.contains(&row.token));
        let _ = match row.and_then(|row| row.severity) {
            Some(Severity::Critical) => writeln!(out, "{}", line.red()),
            Some(Severity::Warning) => writeln!(out, "{}", line.yellow()),
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

/// RFC 4180, with a header line; a cell that a spreadsheet would take for a formula is made text.
pub fn csv(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn quoted(cell: &str) -> String {
    let inert = match cell.starts_with(['=', '+', '-', '@', '\t']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    };
    match inert.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", inert.replace('"', "\"\"")),
        false => inert,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_keeps_quotes_and_disarms_formulas() {
        let rows = vec![vec!["a\"b".into(), "=1+1".into(), "x,y".into(), "plain".into()]];
        assert_eq!(csv(&rows), "\"a\"\"b\",'=1+1,\"x,y\",plain\r\n");
    }
}
