//! Tokens as a table for people: columns without frames, the most urgent first. On a terminal it fits: dates move under
//! their distance, names lose their middle, sentences wrap; below 80 columns each token has lines of its own.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, TableStyle, Width};
use owo_colors::OwoColorize;

use super::width;
use crate::cli::output::Screen;
use crate::domain::finding::Severity;
use crate::show::answers::shapes::TokenRow;

/// Terminals narrower than this get lines, not columns.
const COLUMNS_FROM: usize = 80;
/// Narrower terminals than this wrap by themselves.
const NARROWEST: usize = 40;
const GAP: usize = 2;
/// Of lines below the first of a row.
const INDENT: usize = 4;
/// What a column keeps when the terminal is narrow: ENDS, date, TOKEN, WHY, BREAKS, TEAM.
const LEAST: [usize; 6] = [25, 25, 16, 13, 9, 6];
const HEAD: [&str; 6] = ["ENDS", "", "TOKEN", "WHY", "BREAKS", "TEAM"];
const DATE: usize = 1;
const TOKEN: usize = 2;
const WHY: usize = 3;
const TEAM: usize = 5;

/// ENDS, TOKEN, WHY, BREAKS and, where any is known, TEAM; a header line, and a line or more for each row.
pub fn tokens<'r>(rows: impl IntoIterator<Item = &'r TokenRow>, screen: Screen) -> String {
    let lines: Vec<Line> = rows.into_iter().map(Line::of).collect();
    match screen.width.map(|width| width.max(NARROWEST)) {
        Some(width) if width < COLUMNS_FROM => stacked(&lines, width),
        width => columns(&lines, width),
    }
}

/// A row whose texts cannot draw on the terminal.
struct Line {
    cells: [String; 6],
    severity: Option<Severity>,
}

impl Line {
    fn of(row: &TokenRow) -> Self {
        let team = row.line.team.clone().unwrap_or_default();
        let cells = [&row.ends, &row.ends_at, &row.line.token, &row.why, &row.breaks, &team];
        Self { cells: cells.map(|cell| width::inert(cell)), severity: row.severity }
    }
    fn colour(&self) -> Option<Color> {
        match self.severity? {
            Severity::Critical => Some(Color::DarkRed),
            Severity::Warning => Some(Color::DarkYellow),
            Severity::Info => None,
        }
    }
}

fn columns(lines: &[Line], screen: Option<usize>) -> String {
    let empty = |column: usize| lines.iter().all(|line| line.cells[column].is_empty());
    let shown = (0..HEAD.len()).filter(|&column| !matches!(column, DATE | TEAM) || !empty(column));
    let natural = |column: usize| {
        lines.iter().map(|line| width::of(&line.cells[column])).chain([width::of(HEAD[column])]).max().unwrap_or(0)
    };
    let mut widths: Vec<(usize, usize)> = shown.map(|column| (column, natural(column))).collect();
    let stack_dates = screen.is_some_and(|screen| total(&widths) > screen);
    if stack_dates {
        let date = natural(DATE);
        widths.retain(|(column, _)| *column != DATE);
        widths[0].1 = widths[0].1.max(date);
        shrink(&mut widths, screen.unwrap_or(usize::MAX));
    }
    let mut table = plain();
    table.set_header(widths.iter().map(|&(column, _)| Cell::new(HEAD[column]).add_attribute(Attribute::Bold)));
    for line in lines {
        table.add_row(widths.iter().map(|&(column, room)| cell(line, column, room, stack_dates)));
    }
    finish(&mut table, &widths.iter().map(|&(_, room)| room).collect::<Vec<_>>())
}

fn total(widths: &[(usize, usize)]) -> usize {
    widths.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP
}

/// Takes from the widest column that has something left to give.
fn shrink(widths: &mut [(usize, usize)], screen: usize) {
    while total(widths) > screen {
        let widest =
            widths.iter_mut().filter(|(column, width)| *width > LEAST[*column]).max_by_key(|(_, width)| *width);
        let Some((_, width)) = widest else { return };
        *width -= 1;
    }
}

fn cell(line: &Line, column: usize, room: usize, stack_dates: bool) -> Cell {
    let text = &line.cells[column];
    let text = match column {
        0 if stack_dates && !line.cells[DATE].is_empty() => format!("{text}\n{}", line.cells[DATE]),
        TOKEN => width::cut_path(text, room),
        _ => text.clone(),
    };
    let cell = Cell::new(text);
    match line.colour().filter(|_| column == 0) {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

/// For narrow terminals: when and what, below it the rest.
fn stacked(lines: &[Line], width: usize) -> String {
    let mut out = String::new();
    for line in lines {
        let [ends, date, token, why, breaks, team] = &line.cells;
        let room = width.saturating_sub(width::of(ends) + GAP).max(NARROWEST / 2);
        let ends = match line.colour() {
            Some(Color::DarkRed) => ends.red().to_string(),
            Some(_) => ends.yellow().to_string(),
            None => ends.clone(),
        };
        out.push_str(&format!("{ends}  {}\n", width::cut_path(token, room)));
        let breaks = if breaks == "not said" { String::new() } else { format!("breaks {breaks}") };
        for rest in width::flow(&[date, why, &breaks, team], width - INDENT) {
            out.push_str(&format!("{:INDENT$}{rest}\n", ""));
        }
    }
    out
}

/// Labels and their texts, the texts wrapped beside the labels.
pub fn labelled(rows: &[(String, String)], screen: Screen) -> String {
    const MARGIN: usize = 2;
    let natural = |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| width::of(text)).max().unwrap_or(0);
    let label = natural(&mut rows.iter().map(|(label, _)| label)) + MARGIN;
    let text = natural(&mut rows.iter().map(|(_, text)| text));
    let room = screen.width.map(|width| width.max(NARROWEST).saturating_sub(label + GAP)).unwrap_or(usize::MAX);
    let mut table = plain();
    for (label, text) in rows {
        table.add_row([Cell::new(format!("{:MARGIN$}{label}", "")), Cell::new(text)]);
    }
    finish(&mut table, &[label, text.min(room)])
}

/// Any other table, as wide as it is. On a terminal the last column wraps; where the others leave it no room, each row
/// has lines of its own.
pub fn rows(head: &[&str], rows: &[Vec<String>], screen: Screen) -> String {
    let mut widths: Vec<usize> = head.iter().map(|head| width::of(head)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(width::of(cell));
        }
    }
    if let (Some(screen), Some((last, others))) = (screen.width, widths.split_last_mut()) {
        let others: usize = others.iter().map(|width| width + GAP).sum();
        if others + (*last).min(LEAST[WHY]) > screen {
            return apart(rows, screen.max(NARROWEST));
        }
        *last = (*last).min(screen.saturating_sub(others));
    }
    let mut table = plain();
    table.set_header(head.iter().map(|head| Cell::new(head).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    finish(&mut table, &widths)
}

/// The first two cells, below them the rest.
fn apart(rows: &[Vec<String>], screen: usize) -> String {
    let mut out = String::new();
    for row in rows {
        let (first, rest) = row.split_at(row.len().min(2));
        out.push_str(&format!("{}\n", width::cut(&first.join("  "), screen)));
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        for line in width::flow(&rest, screen - INDENT) {
            out.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }
    out
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // Standard output strips what its reader cannot use.
    table.enforce_styling();
    table.style_text_only();
    table
}

fn finish(table: &mut Table, widths: &[usize]) -> String {
    let last = widths.len().saturating_sub(1);
    let mut whole = 0;
    for (nth, (column, room)) in table.column_iter_mut().zip(widths).enumerate() {
        let padding = if nth == last { 0 } else { GAP };
        let room = u16::try_from(room + padding).unwrap_or(u16::MAX);
        column.set_padding((0, padding as u16));
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(room)));
        whole += usize::from(room);
    }
    table.set_width(u16::try_from(whole).unwrap_or(u16::MAX));
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Width of the terminal; `None` where there is none.
pub fn terminal_width() -> Option<usize> {
    Table::new().width().map(usize::from)
}
