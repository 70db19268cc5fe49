//! `/tokens`: the list of tokens by the words of `list`, one page of it.

use axum::extract::{OriginalUri, Query, State};
use axum::response::Response;
use chrono::NaiveDate;
use minijinja::context;

use super::ask::{self, Ask, Rows};
use super::fault::Fault;
use super::headline::none_known;
use super::{engine, frame, look};
use crate::show::answers::shapes::Tokens;
use crate::show::web::Web;

pub async fn page(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ask::Query>,
) -> Result<Response, Fault> {
    let ask = Ask::read(&query)?;
    let (tokens, ask) =
        look(&web, move |world, now| Ok((Tokens::of(world, &ask.filter, ask.paging(), now), ask))).await?;
    let mut frame = frame(&web, uri.path(), "tokens", &tokens.collectors);
    let rows = (tokens.offset, tokens.tokens.len(), tokens.matching);
    let rows = Rows::new(&frame.root, "tokens", &ask.query(), rows);
    frame.twin = Some(twin(&ask.pairs));
    frame.filter.clone_from(&ask.words);
    engine::page(
        "tokens.html",
        frame,
        context! {
            title => title(&ask),
            day => ask.day,
            why => none_known(&tokens.collectors),
            page => engine::value(rows),
            tokens => engine::value(&tokens),
        },
    )
}

fn title(ask: &Ask) -> String {
    let day = ask.day.as_deref().and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    match day {
        Some(day) => format!("What ends on {}", day.format("%a %-d %b %Y")),
        None if ask.words.is_empty() => "All tokens".to_owned(),
        None => format!("Tokens: {}", ask.words),
    }
}

/// The same question to the API, which takes words one by one.
fn twin(words: &ask::Query) -> String {
    match ask::spelt(words) {
        query if query.is_empty() => "api/v1/tokens".to_owned(),
        query => format!("api/v1/tokens?{query}"),
    }
}
