//! Where a collector looks and as whom, and what its own login tells about itself.
//!
//! The sight (semantics 3.1) is a hash of issuer URL, inventory scope and login identity; the order in which a
//! configuration writes them does not matter. Hashes leave this file, values do not.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::secret::fingerprint::Fingerprints;
use crate::collect::issuer::Collector;
use crate::collect::issuer::record::LOGIN_KIND;
use crate::collect::login::{Identity, LoginError};
use crate::domain::key::{GenerationId, SightId};
use crate::domain::observation::{Life, Origin, Record};
use crate::domain::text::Text;
use crate::domain::token::{Expiry, WhyUnknown};

/// The sight of this collector now; reads the login's credential if that is all that identifies it.
pub fn sight(collector: &Collector, fingerprints: &Fingerprints) -> Result<SightId, LoginError> {
    let settings = &collector.settings;
    let url = settings.url.as_ref().or(collector.definition.url.as_ref());
    let mut text = format!(
        "{}\0{}\0",
        url.map_or("", url::Url::as_str),
        settings.introspection_endpoint.as_ref().map_or("", url::Url::as_str)
    );
    let inventory: BTreeMap<&str, Value> =
        settings.inventory.iter().map(|(key, value)| (key.as_str(), sorted(value))).collect();
    for (key, value) in inventory {
        text.push_str(&format!("{key}={value}\0"));
    }
    let mut files = settings.files.clone();
    files.sort();
    text.push_str(&files.join("\0"));
    text.push('\0');
    match collector.login.identity()? {
        Identity::Nobody => {}
        Identity::Named(name) => text.push_str(&format!("named:{name}")),
        Identity::Opaque(value) => text.push_str(&format!("opaque:{}", fingerprints.of(value.expose().as_bytes()))),
    }
    Ok(SightId(fingerprints.number(text.as_bytes())))
}

/// A list says the same in any order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
            texts.sort();
            texts.into()
        }
        other => other.clone(),
    }
}

/// The record of a login whose issuer has no request that tells about it: its value is known by hash, its end is not.
/// `worked`: the issuer accepted it in this round.
pub fn own_login(collector: &Collector, login: &GenerationId, worked: bool) -> Record {
    Record {
        origin: Origin::OwnLogin,
        kind: Text::new(LOGIN_KIND),
        person: false,
        place: Text::default(),
        place_path: Text::default(),
        name: Text::new(&format!("forewarn/{}", collector.id)),
        generation: login.clone(),
        owner: None,
        issued: None,
        starts: None,
        expires: Expiry::Unknown(WhyUnknown::NotTold),
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: None,
        scopes: Vec::new(),
        life: if worked { Life::Active } else { Life::Unsaid },
        life_word: None,
        dynamic: None,
        facts: Vec::new(),
        uses_left: None,
        link: None,
        value: Some(login.clone()),
        doubt: None,
    }
}
