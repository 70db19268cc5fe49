//! CSV (RFC 4180) of tokens and messages, with a header line. A cell that a spreadsheet would take for a formula is made
//! text, as OWASP advises; names from issuers cannot break out of their cell.

use chrono::SecondsFormat;

use super::width;
use crate::domain::At;
use crate::show::answers::shapes::{DeliveryRow, TokenRow};

const TOKENS: [&str; 15] = [
    "token",
    "collector",
    "kind",
    "state",
    "needs_someone",
    "severity",
    "team",
    "schedule",
    "pipelines",
    "expires",
    "rotation_due",
    "deadline",
    "deadline_reason",
    "findings",
    "why",
];

pub fn tokens(rows: &[TokenRow]) -> String {
    let mut all = vec![TOKENS.map(str::to_owned).to_vec()];
    all.extend(rows.iter().map(|row| token(row).to_vec()));
    written(&all)
}

fn token(row: &TokenRow) -> [String; TOKENS.len()] {
    let line = &row.line;
    let findings: Vec<String> = line.findings.iter().map(|f| format!("{}:{}", f.finding, f.severity)).collect();
    [
        line.token.clone(),
        line.collector.clone(),
        line.kind.clone(),
        line.state.to_string(),
        row.needs_someone.to_string(),
        row.severity.map(|severity| severity.to_string()).unwrap_or_default(),
        line.team.clone().unwrap_or_default(),
        line.schedule.clone().unwrap_or_default(),
        line.pipelines.join(" "),
        if line.never_expires { "never".into() } else { time(line.expires) },
        time(line.rotation_due),
        time(line.deadline),
        line.deadline_reason.map(|reason| reason.to_string()).unwrap_or_default(),
        findings.join(" "),
        row.why.clone(),
    ]
}

const DELIVERIES: [&str; 12] = [
    "due",
    "changed",
    "channel",
    "recipient",
    "token",
    "finding",
    "severity",
    "what",
    "state",
    "attempts",
    "evidence",
    "code",
];

pub fn deliveries(rows: &[DeliveryRow]) -> String {
    let mut all = vec![DELIVERIES.map(str::to_owned).to_vec()];
    all.extend(rows.iter().map(|row| delivery(row).to_vec()));
    written(&all)
}

fn delivery(row: &DeliveryRow) -> [String; DELIVERIES.len()] {
    [
        time(Some(row.due)),
        time(Some(row.changed_at)),
        row.channel.clone(),
        row.recipient.clone(),
        row.token.clone(),
        row.finding.to_string(),
        row.severity.to_string(),
        row.what.clone(),
        row.state.clone(),
        row.attempts.to_string(),
        row.evidence.clone().unwrap_or_default(),
        row.code.clone(),
    ]
}

fn time(at: Option<At>) -> String {
    at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

fn written(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

fn quoted(cell: &str) -> String {
    // Full-width forms count too: spreadsheets of some languages read them alike.
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let cell = width::inert(cell);
    let inert = if formula { format!("'{cell}") } else { cell };
    match inert.contains([',', ';', '"', '\'']) {
        true => format!("\"{}\"", inert.replace('"', "\"\"")),
        false => inert,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_kept_and_formulas_are_text() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("a\"b", "\"a\"\"b\""),
            ("x,y", "\"x,y\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+1", "\"'+1\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\u{FFFD}=1\""),
            ("＝1", "\"'＝1\""),
            ("a\r\nb", "a\u{FFFD}\u{FFFD}b"),
            ("a\u{1b}[2J", "a\u{FFFD}[2J"),
        ] {
            assert_eq!(quoted(cell), expected, "{cell:?}");
        }
        assert_eq!(written(&[vec!["a".into(), "=b".into()], vec!["c".into(), String::new()]]), "a,\"'=b\"\r\nc,\r\n");
    }
}
