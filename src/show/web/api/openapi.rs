//! The OpenAPI 3.1 document, made from the table of routes and from the shapes themselves. Knows no handler.

use std::sync::LazyLock;

use axum::Json;
use axum::http::Uri;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::table::{Parameter, Route, routes};
use super::{Answer, Refusal, asked};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| describe(&routes()));

pub async fn document(uri: Uri) -> Answer<&'static Value> {
    asked::nothing(&uri)?;
    Ok(Json(&DOCUMENT))
}

/// Refusals that any route may answer.
const ALWAYS: [(u16, &str); 5] = [
    (400, "The query or the path cannot be read, or asks for what there is not; `error` says what would be right"),
    (401, "A user and a password are needed: the web-config file names users"),
    (408, "The answer took too long"),
    (500, "The answer could not be made; the log says why"),
    (503, "forewarn is starting; `Retry-After` says when to ask again"),
];

pub fn describe(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut generator);
        // `{*token}` is the router's own spelling.
        let path = route.path.replace("{*", "{");
        paths.insert(path, json!({ (route.method): operation }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "forewarn",
            "summary": "Watches the API tokens that delivery pipelines live on",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        // Where this document lies, whatever prefix it is served under.
        "servers": [{ "url": "../v1" }],
        // Users are there only if the web-config file names some.
        "security": [{}, { "users": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "users": { "type": "http", "scheme": "basic" } },
        },
    })
}

const DESCRIPTION: &str = "Everything the pages and commands show, read-only but for the wish that a collector polls. \
    Times are RFC 3339 in UTC. All words of a filter must fit; of a list any value; names are globs: `*` stays within a \
    part of a path, `**` crosses `/`. Besides the parameters named here, `fact.<name>` matches a fact that the issuer \
    tells. Names and words come from issuers: escape them wherever you show them.";

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let (status, text, shape) = route.answer;
    let mut responses = Map::new();
    responses.insert(status.to_string(), json!({ "description": text, "content": json_body(shape(generator).into()) }));
    let refusal: Value = generator.subschema_for::<Refusal>().into();
    for (status, text) in ALWAYS.iter().chain(route.refusals) {
        let mut response = json!({ "description": text, "content": json_body(refusal.clone()) });
        if matches!(status, 429 | 503) {
            response["headers"] =
                json!({ "Retry-After": { "description": "Seconds", "schema": { "type": "integer", "minimum": 0 } } });
        }
        responses.insert(status.to_string(), response);
    }
    json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": route.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    })
}

fn json_body(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn parameter(of: &Parameter) -> Value {
    let mut value = json!({
        "name": of.name,
        "in": of.place,
        "required": of.place == "path",
        "description": of.text,
        "schema": of.schema,
    });
    if of.schema["type"] == "array" {
        value["style"] = "form".into();
        value["explode"] = false.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_once_with_every_parameter() {
        let routes = routes();
        let document = describe(&routes);
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), routes.len(), "no path stands twice in the table");
        for route in &routes {
            let operation = &paths[&route.path.replace("{*", "{")][route.method];
            assert_eq!(operation["operationId"], route.id);
            let described: Vec<_> = operation["parameters"].as_array().unwrap().iter().collect();
            assert_eq!(described.len(), route.parameters.len());
            for (parameter, described) in route.parameters.iter().zip(described) {
                assert_eq!(described["name"], parameter.name);
                assert!(described["description"].as_str().unwrap().len() > 5, "{}", parameter.name);
            }
            let named = |name: &str| {
                route.path.contains(&format!("{{{name}}}")) || route.path.contains(&format!("{{*{name}}}"))
            };
            for parameter in route.parameters.iter().filter(|parameter| parameter.place == "path") {
                assert!(named(parameter.name), "{} is no part of {}", parameter.name, route.path);
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = describe(&routes());
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut references = 0;
        for reference in text.split("\"$ref\":\"").skip(1) {
            let target = reference.split('"').next().unwrap();
            let name = target.strip_prefix("#/components/schemas/").expect(target);
            assert!(schemas.contains_key(name), "{name}");
            references += 1;
        }
        assert!(references > 20, "{references}");
    }
}
