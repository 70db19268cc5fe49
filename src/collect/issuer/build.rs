//! Pure: a definition's request and an ask → an HTTP request. The login's credential is not put on here.
//! An inspected value goes into a body or a marked header, never into a URL.

use serde_json::{Map, Value};
use url::Url;

use super::definition::paging::{PageAt, Paging, Place};
use super::definition::request::{Body, Decoder, Request as Asked, Sends};
use super::frontier::Ask;
use super::scope::Scope;
use super::template::{Into, Values};
use crate::base::http::Request;
use crate::base::secret::Secret;

/// Why no request can be made; the ask counts as failed (`decode`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// Builds the request. `value` is the inspected value, for asks with a probe: it goes where the definition says
/// (a form field, or the header of a `token` login). The caller calls `Login::dress` if the definition's request
/// `sends` the login.
pub fn request(scope: &Scope, ask: &Ask, value: Option<&Secret>) -> Result<Request, BuildError> {
    let asked = &scope.definition.requests[ask.request];
    let values = Values { settings: &scope.settings, item: &ask.item, url: scope.url.as_ref(), value };
    let mut request = Request::get(url(scope, ask, asked, &values)?);
    request.method.clone_from(&asked.method);
    for (name, template) in &asked.headers {
        if let Some(text) = template.expand(&values, Into::Header).map_err(BuildError)? {
            request.headers.push((name.clone(), text));
        }
    }
    let accepts = |name: &str| asked.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    if asked.decode == Decoder::Json && !accepts("accept") {
        request.headers.push(("Accept".into(), "application/json".into()));
    }
    body(asked, ask, &values, &mut request)?;
    if asked.sends == Sends::Value {
        let value = value.ok_or_else(|| BuildError("the inspected value is missing".into()))?;
        let token = &scope.definition.token;
        let dressed = Secret::new(format!("{}{}", token.prefix, value.expose()));
        request.secret_headers.push((token.header.clone(), dressed));
    }
    Ok(request)
}

fn url(scope: &Scope, ask: &Ask, asked: &Asked, values: &Values<'_>) -> Result<Url, BuildError> {
    let base = scope.url.as_ref().ok_or_else(|| BuildError("the collector has no url".into()))?;
    if let PageAt::Url(next) = &ask.page {
        return match next.origin() == base.origin() {
            true => Ok(next.clone()),
            false => Err(BuildError("the next page lies on another host".into())),
        };
    }
    let template = asked.urls.get(ask.url).ok_or_else(|| BuildError("the request has no url".into()))?;
    let text = template.expand(values, Into::Url).map_err(BuildError)?;
    let text = text.ok_or_else(|| BuildError(format!("`{}` lacks a part of its url", asked.name)))?;
    let whole = match template.is_absolute() {
        true => text,
        false => format!("{}{}{text}", base.origin().ascii_serialization(), base.path().trim_end_matches('/')),
    };
    let mut url = Url::parse(&whole).map_err(|_| BuildError(format!("`{}` has no usable url", asked.name)))?;
    check(&url, base)?;
    for (name, template) in &asked.query {
        if let Some(text) = template.expand(values, Into::Field).map_err(BuildError)? {
            url.query_pairs_mut().append_pair(name, &text);
        }
    }
    page(&mut url, &asked.paging, &ask.page);
    Ok(url)
}

/// A discovered URL may lie on another host, but never on a weaker scheme, and carries no credentials of its own.
fn check(url: &Url, base: &Url) -> Result<(), BuildError> {
    match url.scheme() {
        "https" => {}
        "http" if base.scheme() == "http" => {}
        _ => return Err(BuildError("the issuer names a url that is not https".into())),
    }
    if !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
        return Err(BuildError("the issuer names a url that cannot be used".into()));
    }
    Ok(())
}

fn page(url: &mut Url, paging: &Paging, at: &PageAt) {
    let (name, text) = match (paging, at) {
        (Paging::Page { param, first, .. }, PageAt::First) => (param, first.to_string()),
        (Paging::Page { param, .. }, PageAt::Number(number)) => (param, number.to_string()),
        (Paging::Offset { param, .. }, PageAt::Offset(offset)) => (param, offset.to_string()),
        (Paging::Cursor { place: Place::Query(param), .. }, PageAt::Cursor(cursor)) => (param, cursor.clone()),
        _ => return,
    };
    url.query_pairs_mut().append_pair(name, &text);
}

fn body(asked: &Asked, ask: &Ask, values: &Values<'_>, request: &mut Request) -> Result<(), BuildError> {
    let (fields, form) = match &asked.body {
        None => return Ok(()),
        Some(Body::Form(fields)) => (fields, true),
        Some(Body::Json(fields)) => (fields, false),
    };
    let mut filled = Vec::new();
    for (name, template) in fields {
        if let Some(text) = template.expand(values, Into::Field).map_err(BuildError)? {
            filled.push((name.clone(), text));
        }
    }
    if let (Paging::Cursor { place: Place::Body(name), .. }, PageAt::Cursor(cursor)) = (&asked.paging, &ask.page) {
        filled.push((name.clone(), cursor.clone()));
    }
    let (kind, bytes) = match form {
        true => {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&filled).finish();
            ("application/x-www-form-urlencoded", text.into_bytes())
        }
        false => {
            let object: Map<String, Value> = filled.into_iter().map(|(name, text)| (name, Value::from(text))).collect();
            ("application/json", Value::Object(object).to_string().into_bytes())
        }
    };
    request.headers.push(("Content-Type".into(), kind.into()));
    request.body = Some(bytes);
    Ok(())
}
