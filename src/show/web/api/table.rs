//! The table of routes: what is asked, with which words, and what is answered. The router and the OpenAPI document are
//! made from it, so that neither can know a route that the other does not.

use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{asked, collectors, deliveries, openapi, tokens};
use crate::domain::delivery::DeliveryState;
use crate::domain::finding::{FindingKind, Severity, TokenState};
use crate::show::answers::deliveries as messages;
use crate::show::answers::filter;
use crate::show::answers::shapes;
use crate::show::answers::tokens::Paging;
use crate::show::web::Web;

/// One path and the one method that it takes.
pub struct Route {
    /// Below `/api/v1`, as the router matches it: `{*token}` takes slashes.
    pub path: &'static str,
    pub method: &'static str,
    pub handler: fn() -> MethodRouter<Web>,
    /// Name of the operation in the description.
    pub id: &'static str,
    pub summary: &'static str,
    pub parameters: Vec<Parameter>,
    /// Status and shape of the answer.
    pub answer: (u16, &'static str, fn(&mut SchemaGenerator) -> Schema),
    /// Refusals besides those of every route: status and when.
    pub refusals: &'static [(u16, &'static str)],
}

pub struct Parameter {
    pub name: &'static str,
    /// `path` or `query`.
    pub place: &'static str,
    pub text: String,
    pub schema: Value,
}

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn document(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

pub fn routes() -> Vec<Route> {
    let mut all = tokens_and_what_they_break();
    all.extend(collectors_and_messages());
    all
}

fn tokens_and_what_they_break() -> Vec<Route> {
    vec![
        Route {
            path: "/tokens",
            method: "get",
            handler: || get(tokens::tokens),
            id: "tokens",
            summary: "Watched tokens, most urgent first, one page of those that the filter lets through",
            parameters: filters().into_iter().chain(paging()).collect(),
            answer: (200, "One page of tokens", shape::<shapes::Tokens>),
            refusals: &[],
        },
        Route {
            path: "/tokens/{*token}",
            method: "get",
            handler: || get(tokens::token),
            id: "token",
            summary: "Everything about one token, as `forewarn explain` tells it",
            parameters: vec![path("token", "The label `collector/place/name`, or the code of a finding: `R7K2`")],
            answer: (200, "The explanation", shape::<shapes::Explanation>),
            refusals: &[(404, "No such token")],
        },
        Route {
            path: "/pipelines",
            method: "get",
            handler: || get(tokens::pipelines),
            id: "pipelines",
            summary: "Configured pipelines with their state and until when they are safe; a filter narrows the tokens they are judged by",
            parameters: filters(),
            answer: (200, "All pipelines, the worst first", shape::<shapes::Pipelines>),
            refusals: &[],
        },
        Route {
            path: "/days",
            method: "get",
            handler: || get(tokens::days),
            id: "days",
            summary: "Days of the next ninety on which tokens of the filter have their deadline",
            parameters: filters(),
            answer: (200, "The days, in order", shape::<shapes::Days>),
            refusals: &[],
        },
    ]
}

fn collectors_and_messages() -> Vec<Route> {
    vec![
        Route {
            path: "/collectors",
            method: "get",
            handler: || get(collectors::collectors),
            id: "collectors",
            summary: "Configured collectors: how fresh, how whole, what fails",
            parameters: vec![],
            answer: (200, "All collectors, by name", shape::<shapes::Collectors>),
            refusals: &[],
        },
        Route {
            path: "/collectors/{name}",
            method: "get",
            handler: || get(collectors::collector),
            id: "collector",
            summary: "One collector with its last polls, newest first",
            parameters: vec![path("name", "Name of the collector")],
            answer: (200, "The collector", shape::<shapes::CollectorDetail>),
            refusals: &[(404, "No such collector")],
        },
        Route {
            path: "/collectors/{name}/poll",
            method: "post",
            handler: || post(collectors::poll),
            id: "poll",
            summary: "Asks a collector to poll now, or as soon as the poll in hand is over",
            parameters: vec![path("name", "Name of the collector")],
            answer: (202, "It was asked", shape::<shapes::PollAsked>),
            refusals: &[
                (403, "Another site's page sent it"),
                (404, "No such collector is running"),
                (429, "Somebody asked a moment ago; `Retry-After` says when again"),
            ],
        },
        Route {
            path: "/deliveries",
            method: "get",
            handler: || get(deliveries::deliveries),
            id: "deliveries",
            summary: "Messages by when their state changed last, newest first, and the health of the channels",
            parameters: narrowing().into_iter().chain(paging()).collect(),
            answer: (200, "One page of messages", shape::<shapes::Deliveries>),
            refusals: &[],
        },
        Route {
            path: "/openapi.json",
            method: "get",
            handler: || get(openapi::document),
            id: "openapi",
            summary: "This description",
            parameters: vec![],
            answer: (200, "An OpenAPI 3.1 document", document),
            refusals: &[],
        },
    ]
}

fn path(name: &'static str, text: &str) -> Parameter {
    Parameter { name, place: "path", text: text.into(), schema: json!({ "type": "string", "minLength": 1 }) }
}

fn query(name: &'static str, text: &str, schema: Value) -> Parameter {
    Parameter { name, place: "query", text: text.into(), schema }
}

fn paging() -> [Parameter; 2] {
    let number = |least: usize, most: usize, usual: usize| json!({ "type": "integer", "minimum": least, "maximum": most, "default": usual });
    [
        query("limit", "Rows of a page", number(1, Paging::MOST, Paging::USUAL)),
        query("offset", "Rows before the page", number(0, asked::FARTHEST, 0)),
    ]
}

/// The words of [`filter::WORDS`] that a query can name; `fact.<name>` goes besides.
fn filters() -> Vec<Parameter> {
    filter::WORDS.iter().map(|(word, text)| query(word, text, schema_of(word))).collect()
}

fn narrowing() -> Vec<Parameter> {
    let schema = |word: &str| match word {
        "state" => any_of(DeliveryState::ALL.iter().filter(|s| **s != DeliveryState::Leased).map(|s| s.as_str())),
        "token" => json!({ "type": "string", "minLength": 1 }),
        _ => schema_of(word),
    };
    messages::WORDS.iter().map(|(word, text)| query(word, text, schema(word))).collect()
}

/// A list of values, any of which may fit; written with commas.
fn schema_of(word: &str) -> Value {
    match word {
        "finding" => any_of(FindingKind::ALL.iter().map(|kind| kind.as_str())),
        "severity" => any_of(Severity::ALL.iter().map(|severity| severity.as_str())),
        "state" => any_of(TokenState::ALL.iter().map(|state| state.as_str())),
        "needs" => json!({ "type": "boolean" }),
        "day" => json!({ "type": "array", "minItems": 1, "items": { "type": "string", "format": "date" } }),
        "q" => json!({ "type": "string", "maxLength": filter::LONGEST }),
        _ => json!({ "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } }),
    }
}

fn any_of<'n>(names: impl Iterator<Item = &'n str>) -> Value {
    json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": names.collect::<Vec<_>>() } })
}
