//! What a request for a list asks: filter words, out of the box (`team=platform name=deploy-* renovate`) and out of the
//! query (`?team=platform`), and which rows. One spelling comes out, for the box and for the links. Pure.

use super::engine::encoded;
use super::fault::Fault;
use crate::domain::text::Text;
use crate::show::answers::filter::Filter;
use crate::show::answers::tokens::Paging;

/// Longest text of the box, bytes.
const MOST: usize = 4000;

/// A list as asked for.
#[derive(Debug, Default)]
pub struct Ask {
    pub filter: Filter,
    /// The words as the box shows them.
    pub words: String,
    /// The same, word by word.
    pub pairs: Query,
    /// The day alone, if nothing else is asked: `2026-12-01`.
    pub day: Option<String>,
    pub offset: usize,
}

/// Names and values of a query, in order.
pub type Query = Vec<(String, String)>;

impl Ask {
    pub fn read(query: &Query) -> Result<Self, Fault> {
        let mut words: Vec<(String, String)> = Vec::new();
        let mut offset = 0;
        for (name, value) in query {
            if unseen(name) || unseen(value) {
                return Err(Fault::wrong("the filter holds a character that cannot be seen; write it anew"));
            }
            match name.as_str() {
                "offset" => offset = whole(value)?,
                "q" => words.extend(split(value)?),
                _ => words.push((name.clone(), value.clone())),
            }
        }
        let text: Vec<&str> = words.iter().filter(|(name, _)| name == "q").map(|(_, value)| value.as_str()).collect();
        let text = text.join(" ");
        words.retain(|(name, _)| name != "q");
        let pairs = words.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let filter = Filter::pairs(pairs.chain((!text.is_empty()).then_some(("q", text.as_str()))));
        let filter = filter.map_err(|wrong| Fault::wrong(wrong.to_string()))?;
        let day = match words.as_slice() {
            [(name, value)] if name == "day" && text.is_empty() => Some(value.clone()),
            _ => None,
        };
        let searched = (!text.is_empty()).then(|| ("q".to_owned(), text.clone()));
        let pairs = words.iter().cloned().chain(searched).collect();
        let mut spelt: Vec<String> = words.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        spelt.extend((!text.is_empty()).then_some(text));
        Ok(Self { filter, words: spelt.join(" "), pairs, day, offset })
    }
    pub fn paging(&self) -> Paging {
        Paging { offset: self.offset, limit: Paging::USUAL }
    }
    /// `q=…` for links; empty without a word.
    pub fn query(&self) -> String {
        if self.words.is_empty() { String::new() } else { format!("q={}", encoded(&self.words)) }
    }
}

/// A query as links carry it.
pub fn spelt(query: &Query) -> String {
    let pairs = query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Control and bidi characters, which no name holds (semantics 1.2).
fn unseen(text: &str) -> bool {
    let mut bytes = [0; 4];
    text.chars()
        .any(|c| c != char::REPLACEMENT_CHARACTER && Text::new(c.encode_utf8(&mut bytes)).as_str() == "\u{FFFD}")
}

/// A number of rows.
pub fn whole(text: &str) -> Result<usize, Fault> {
    const FARTHEST: usize = 1_000_000_000;
    let number = text.parse::<usize>().ok().filter(|offset| *offset <= FARTHEST);
    number.ok_or_else(|| Fault::wrong("offset is the number of rows to leave out, for example offset=100"))
}

/// The text of the box as words: at spaces, but not inside double quotes. What is no `word=value` is searched for.
fn split(text: &str) -> Result<Vec<(String, String)>, Fault> {
    if text.len() > MOST {
        return Err(Fault::wrong(format!("the filter is longer than {MOST} bytes; ask for less at once")));
    }
    let (mut words, mut word, mut inside, mut begun) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => (inside, begun) = (!inside, true),
            c if c.is_whitespace() && !inside => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => ("q".to_owned(), word),
    };
    Ok(words.into_iter().map(pair).collect())
}

fn quoted(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() }
}

/// Which rows of how many, and where the others are.
#[derive(Debug, serde::Serialize)]
pub struct Rows {
    pub from: usize,
    pub to: usize,
    pub of: usize,
    pub first: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Rows {
    /// `path` from the start page on, `query` without the offset.
    pub fn new(root: &str, path: &str, query: &str, (offset, shown, of): (usize, usize, usize)) -> Self {
        let at = |offset: usize| match (query, offset) {
            ("", 0) => format!("{root}{path}"),
            (query, 0) => format!("{root}{path}?{query}"),
            ("", offset) => format!("{root}{path}?offset={offset}"),
            (query, offset) => format!("{root}{path}?{query}&offset={offset}"),
        };
        let to = offset + shown;
        Self {
            from: if shown == 0 { 0 } else { offset + 1 },
            to,
            of,
            first: at(0),
            before: (offset > 0).then(|| at(offset.saturating_sub(Paging::USUAL))),
            after: (shown > 0 && to < of).then(|| at(to)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(pairs: &[(&str, &str)]) -> Result<(String, Option<String>), String> {
        let query = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ask::read(&query).map(|ask| (ask.words, ask.day)).map_err(|fault| format!("{fault:?}"))
    }

    #[test]
    fn the_box_and_the_query_say_the_same() {
        let words = |pairs| ask(pairs).unwrap().0;
        assert_eq!(words(&[("q", " team=platform  name=deploy-* ")]), "team=platform name=deploy-*");
        assert_eq!(words(&[("team", "platform"), ("q", "renovate bot")]), "team=platform renovate bot");
        assert_eq!(words(&[("q", "team=\"data platform\"")]), "team=\"data platform\"");
        assert_eq!(words(&[]), "");
        assert_eq!(ask(&[("day", "2026-12-01")]).unwrap().1.as_deref(), Some("2026-12-01"));
    }

    #[test]
    fn what_is_no_filter_is_refused_in_words() {
        for wrong in
            [("day", "tomorrow"), ("tema", "a"), ("offset", "-1"), ("offset", "9999999999999999"), ("q", "name=[")]
        {
            let said = ask(&[wrong]).unwrap_err();
            assert!(said.contains("400"), "{said}");
        }
        assert!(ask(&[("q", &"x".repeat(5000))]).is_err());
    }

    #[test]
    fn rows_lead_to_the_rows_beside_them() {
        let rows = Rows::new("./", "tokens", "q=a", (100, 100, 250));
        assert_eq!((rows.from, rows.to), (101, 200));
        assert_eq!(rows.before.as_deref(), Some("./tokens?q=a"));
        assert_eq!(rows.after.as_deref(), Some("./tokens?q=a&offset=200"));
        assert!(Rows::new("./", "tokens", "", (0, 3, 3)).after.is_none());
    }
}
