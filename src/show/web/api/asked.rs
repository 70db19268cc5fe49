//! What a request asks: the query as names and values, and which of them page. What is not known is refused.

use axum::extract::Query;
use axum::http::Uri;

use super::Refused;
use crate::show::answers::filter::shown;
use crate::show::answers::tokens::Paging;

/// Names and values of a query, decoded, in order.
pub type Pairs = Vec<(String, String)>;

pub fn pairs(uri: &Uri) -> Result<Pairs, Refused> {
    match Query::<Pairs>::try_from_uri(uri) {
        Ok(Query(pairs)) => Ok(pairs),
        Err(_) => Err(Refused::wrong("the query cannot be read; write it as name=value&name=value")),
    }
}

/// Takes `limit` and `offset` out of a query.
pub fn paging(pairs: &mut Pairs) -> Result<Paging, Refused> {
    let limit = number(pairs, "limit", 1, Paging::MOST)?.unwrap_or(Paging::USUAL);
    let offset = number(pairs, "offset", 0, FARTHEST)?.unwrap_or(0);
    Ok(Paging { offset, limit })
}

/// Rows that may be left out before a page.
pub const FARTHEST: usize = u32::MAX as usize;

fn number(pairs: &mut Pairs, name: &str, least: usize, most: usize) -> Result<Option<usize>, Refused> {
    let mut found = None;
    let mut wrong = None;
    pairs.retain(|(key, value)| {
        if key != name {
            return true;
        }
        // Digits alone: a sign or a blank is a slip.
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let read = if digits { value.parse().ok() } else { None };
        match read.filter(|number| (least..=most).contains(number)) {
            _ if found.is_some() => wrong = Some(format!("{name} is given twice")),
            Some(number) => found = Some(number),
            None => wrong = Some(format!("{name} is a number from {least} to {most}, not {}", shown(value))),
        }
        false
    });
    match wrong {
        Some(sentence) => Err(Refused::wrong(sentence)),
        None => Ok(found),
    }
}

/// For what takes no query at all.
pub fn nothing(uri: &Uri) -> Result<(), Refused> {
    match pairs(uri)?.first() {
        None => Ok(()),
        Some((name, _)) => Err(Refused::wrong(format!("this takes no query, but there is {}", shown(name)))),
    }
}

/// As [`crate::show::answers::filter::Filter::pairs`] takes them.
pub fn borrowed(pairs: &Pairs) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}
