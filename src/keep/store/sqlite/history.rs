//! What was told, to whom and how it went: deliveries by when they changed last, newest first.

use rusqlite::{Connection, params_from_iter};

use super::{Outcome, outbox};
use crate::keep::store::rows::{self, Cell, Cursor};
use crate::keep::store::{Remembered, Sought};

/// Columns behind those of a delivery.
const MORE: [&str; 3] = ["intents.facts", "deliveries.changed_at", "deliveries.evidence"];

/// One page, and how many there are in all.
pub fn deliveries(conn: &Connection, sought: &Sought) -> Outcome<(Vec<Remembered>, u32)> {
    let (conditions, mut values) = conditions(sought);
    let from = format!("FROM deliveries d LEFT JOIN episodes e ON e.id = d.episode WHERE {conditions}");
    let count = format!("SELECT count(*) {from}");
    let matching: u32 = conn.prepare_cached(&count)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    // The page first, what it tells after: the facts of a message are long, and most messages are not on the page.
    let order = "d.changed_at DESC, d.notify_at DESC, d.id";
    let page = format!(
        "WITH page AS (SELECT d.id AS chosen {from} ORDER BY {order} LIMIT ? OFFSET ?)
        SELECT {}, i.facts, d.changed_at, d.evidence
        FROM page JOIN deliveries d ON d.id = page.chosen JOIN intents i ON i.key = d.intent ORDER BY {order}",
        outbox::DELIVERY.join(", ")
    );
    values.extend([rows::number(sought.limit), rows::number(sought.offset)]);
    let mut statement = conn.prepare_cached(&page)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let delivery = outbox::delivery(row)?;
        let behind = rows::Behind { row, skip: outbox::DELIVERY.len() };
        let mut at = Cursor::new(&behind, &MORE);
        let (intent, changed_at) = (at.json()?, at.time()?);
        let evidence = at.maybe_text().filter(|text| !text.is_empty()).map(str::to_owned);
        found.push(Remembered { delivery, intent, changed_at, evidence });
    }
    Ok((found, matching))
}

/// All must hold; of a list any.
fn conditions(sought: &Sought) -> (String, Vec<Cell<'_>>) {
    let lists: [(&str, Vec<Cell<'_>>); 6] = [
        ("d.channel", sought.channels.iter().map(|channel| rows::text(channel.as_str())).collect()),
        ("d.state", sought.states.iter().map(|state| rows::text(state.as_str())).collect()),
        ("d.severity", sought.severities.iter().map(|severity| rows::text(severity.as_str())).collect()),
        ("d.episode", sought.episodes.iter().map(|episode| Cell::Text(episode.to_string().into())).collect()),
        ("e.kind", sought.findings.iter().map(|kind| rows::text(kind.as_str())).collect()),
        ("e.subject", sought.subjects.iter().map(rows::json).collect()),
    ];
    let (mut all, mut values) = (String::from("1"), Vec::new());
    for (column, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        all.push_str(&format!(" AND {column} IN ({})", vec!["?"; list.len()].join(", ")));
        values.extend(list);
    }
    (all, values)
}

#[cfg(test)]
mod tests {
    use crate::domain::delivery::DeliveryState;
    use crate::domain::finding::{FindingKind, Severity};
    use crate::keep::store::sqlite::samples::{Bench, at, telling};
    use crate::keep::store::{Remembered, Sought};

    fn every() -> Sought {
        Sought { limit: 100, ..Sought::default() }
    }
    fn ask(bench: &mut Bench, sought: Sought) -> (Vec<String>, u32) {
        let (found, matching) = bench.store().deliveries(&sought).unwrap();
        let say = |row: Remembered| {
            assert_eq!(row.delivery.intent, row.intent.key());
            format!("{} {}", row.intent.episode.id.0, row.delivery.channel)
        };
        (found.into_iter().map(say).collect(), matching)
    }

    #[test]
    fn newest_first_one_page_of_all() {
        let mut bench = Bench::new();
        for nth in 1..=3 {
            bench.commit(&telling(nth, &["chat", "mail"], at(nth as i64)));
        }
        let (all, matching) = ask(&mut bench, every());
        assert_eq!(matching, 6);
        let heads: Vec<_> = all.iter().map(|row| &row[..1]).collect();
        assert_eq!(heads, ["3", "3", "2", "2", "1", "1"]);
        let (page, matching) = ask(&mut bench, Sought { offset: 2, limit: 2, ..every() });
        assert_eq!((page, matching), (all[2..4].to_vec(), 6));
        assert_eq!(ask(&mut bench, Sought { offset: 9, ..every() }), (vec![], 6));
    }

    #[test]
    fn every_condition_narrows() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat", "mail"], at(0)));
        bench.commit(&telling(2, &["chat"], at(1)));
        let (rows, _) = bench.store().deliveries(&every()).unwrap();
        let one = &rows[0];
        let (subject, episode) = (one.intent.episode.subject.clone(), one.intent.episode.id);
        let same = rows.iter().filter(|row| row.intent.episode.subject == subject).count() as u32;
        let kind = one.intent.episode.kind;
        let alike = rows.iter().filter(|row| row.intent.episode.kind == kind).count() as u32;
        let severity = rows.iter().filter(|row| row.delivery.severity == Severity::Critical).count() as u32;
        for (sought, matching) in [
            (Sought { channels: vec!["mail".into()], ..every() }, 1),
            (Sought { channels: vec!["mail".into(), "chat".into()], ..every() }, 3),
            (Sought { channels: vec!["'; DROP TABLE deliveries".into()], ..every() }, 0),
            (Sought { states: vec![DeliveryState::Sent], ..every() }, 0),
            (Sought { states: vec![DeliveryState::Pending], ..every() }, 3),
            (Sought { episodes: vec![episode], ..every() }, 1),
            (Sought { subjects: vec![subject], ..every() }, same),
            (Sought { findings: vec![kind], ..every() }, alike),
            (Sought { findings: vec![FindingKind::StaticCopy], ..every() }, 0),
            (Sought { severities: vec![Severity::Critical], ..every() }, severity),
        ] {
            assert_eq!(ask(&mut bench, sought.clone()).1, matching, "{sought:?}");
        }
    }

    #[test]
    fn a_reader_beside_the_writer_sees_the_same() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let mut reader = super::super::open_read_only(&bench.path()).unwrap();
        assert_eq!(reader.deliveries(&every()).unwrap(), bench.store().deliveries(&every()).unwrap());
    }
}
