//! Pure: which requests take part in a walk, where it starts, and what is asked for each item that was found.

use std::sync::Arc;

use serde_json::{Value, json};

use super::definition::paging::PageAt;
use super::definition::request::{Mode, Request, Required};
use super::frontier::{Ask, Frontier, Waiting};
use super::listing::Listing;
use super::record;
use super::scope::{Scope, Task};
use crate::domain::key::{GenerationId, ListingKey};

/// Most items that the settings alone may give.
const MOST_GIVEN: usize = 100_000;

impl Frontier {
    pub(super) fn roots(&mut self) {
        let scope = Arc::clone(&self.scope);
        for nth in 0..scope.probes.len() {
            self.expect_probe(nth);
        }
        for (index, request) in scope.definition.requests.iter().enumerate() {
            if !self.active[index] || !request.each.is_empty() {
                continue;
            }
            let probes: Vec<Option<usize>> = match request.mode {
                Mode::Inspect => (0..scope.probes.len()).map(Some).collect(),
                _ => vec![None],
            };
            for probe in probes {
                if let Some(ask) = self.start(index, Arc::new(Value::Null), None, probe) {
                    self.waiting.push_back(Waiting::Ask(Box::new(ask)));
                }
            }
        }
    }

    /// A probe has its listing from the start, so that it ends as failed when discovery fails.
    fn expect_probe(&mut self, nth: usize) {
        let asks = self.scope.definition.requests.iter().zip(&self.active);
        if asks.clone().any(|(request, active)| *active && request.mode == Mode::Inspect) {
            let key = self.probe_key(nth);
            self.listings.insert(key.clone(), Listing::new(key, true));
        }
    }

    fn probe_key(&self, nth: usize) -> ListingKey {
        let name = self.scope.probes.get(nth).map_or("", |probe| probe.name.as_str());
        ListingKey::new(format!("inspect/{}", segment(name)))
    }

    pub(super) fn confirmations(&mut self, generations: &[GenerationId]) {
        let Some(request) = self.scope.definition.confirm else { return };
        let listing = ListingKey::from("confirm");
        self.listings.insert(listing.clone(), Listing::new(listing.clone(), true));
        let scope = Arc::clone(&self.scope);
        let when = &scope.definition.requests[request].when;
        for generation in generations {
            let id = record::issuer_id(scope.definition.key, generation);
            let item = Arc::new(json!({ "id": id }));
            if when.as_ref().is_some_and(|when| !when.holds(&scope.settings, &names(&scope, &item))) {
                continue;
            }
            let mut ask = self.ask(request, item, listing.clone(), None);
            ask.about = Some(generation.clone());
            self.waiting.push_back(Waiting::Ask(Box::new(ask)));
            self.listings.entry(listing.clone()).and_modify(|listing| listing.open += 1);
        }
    }

    pub(super) fn ask(&mut self, request: usize, item: Arc<Value>, listing: ListingKey, probe: Option<usize>) -> Ask {
        self.asked += 1;
        Ask { id: self.asked, request, url: 0, item, page: PageAt::First, probe, about: None, listing, attempt: 0 }
    }

    /// The first ask of a request for one item. Nothing where the settings alone give its items.
    pub(super) fn start(
        &mut self,
        index: usize,
        item: Arc<Value>,
        parent: Option<&ListingKey>,
        probe: Option<usize>,
    ) -> Option<Ask> {
        let scope = Arc::clone(&self.scope);
        let request = &scope.definition.requests[index];
        if let Some(given) = &request.given {
            let items: Vec<Arc<Value>> = given
                .run(&scope.settings, &names(&scope, &item), MOST_GIVEN)
                .unwrap_or_default()
                .into_iter()
                .map(Arc::new)
                .collect();
            if !items.is_empty() || request.urls.is_empty() {
                self.spread(index, items, None, probe);
                return None;
            }
        }
        if request.details {
            return parent.map(|listing| self.ask(index, item, listing.clone(), probe));
        }
        let key = match probe {
            Some(nth) => self.probe_key(nth),
            None => listing_key(&scope, request, &item, parent),
        };
        let required = match &request.required {
            Required::Always => true,
            Required::Never => false,
            Required::If(program) => program.holds(&scope.settings, &names(&scope, &item)),
        };
        let listing = self.listings.entry(key.clone()).or_insert_with(|| Listing::new(key.clone(), required));
        listing.open += 1;
        listing.pages.insert(PageAt::First);
        Some(self.ask(index, item, key, probe))
    }

    /// Queues the children of these items; the number of those whose records stand in the parent's listing.
    pub(super) fn spread(
        &mut self,
        parent: usize,
        items: Vec<Arc<Value>>,
        listing: Option<&ListingKey>,
        probe: Option<usize>,
    ) -> usize {
        let scope = Arc::clone(&self.scope);
        let mut details = 0;
        if items.is_empty() {
            return details;
        }
        for (index, request) in scope.definition.requests.iter().enumerate() {
            if !self.active[index] || !request.each.contains(&parent) {
                continue;
            }
            let probes: Vec<Option<usize>> = match (request.mode, probe) {
                (Mode::Inspect, None) => (0..scope.probes.len()).map(Some).collect(),
                (_, probe) => vec![probe],
            };
            for probe in probes {
                let new = |item: &&Arc<Value>| self.seen.insert((index, item_id(item), probe));
                let fresh: Vec<Arc<Value>> = items.iter().filter(new).cloned().collect();
                if request.details {
                    details += fresh.len();
                }
                let listing = listing.cloned();
                self.waiting.push_back(Waiting::Each { request: index, listing, probe, items: fresh.into_iter() });
            }
        }
        details
    }
}

/// In the order of `definition::compile::NAMES`, for programs that run before any answer.
fn names(scope: &Scope, item: &Arc<Value>) -> [Value; 6] {
    [scope.settings.clone(), (**item).clone(), Value::Null, Value::Null, Value::Null, Value::Null]
}

pub(super) fn active(scope: &Scope, task: &Task) -> Vec<bool> {
    let requests = &scope.definition.requests;
    let Task::Round { inventory, own_login } = task else { return vec![false; requests.len()] };
    let mut active: Vec<bool> = requests
        .iter()
        .map(|request| {
            let wanted = match request.mode {
                Mode::Inspect => !scope.probes.is_empty(),
                Mode::Inventory => *inventory,
                Mode::OwnLogin => *own_login,
                Mode::Support | Mode::Confirm => false,
            };
            let applies =
                |when: &super::jq::Program| when.holds(&scope.settings, &names(scope, &Arc::new(Value::Null)));
            wanted && request.when.as_ref().is_none_or(applies)
        })
        .collect();
    // Parents stand before their children, so one pass from the end reaches every support request.
    for index in (0..requests.len()).rev().filter(|&index| requests[index].mode == Mode::Support) {
        active[index] =
            requests.iter().enumerate().any(|(child, request)| active[child] && request.each.contains(&index));
    }
    active
}

/// `groups>groups/7/projects>projects/42/access_tokens`; what the settings alone gave has no parent.
fn listing_key(scope: &Scope, request: &Request, item: &Value, parent: Option<&ListingKey>) -> ListingKey {
    let own = match request.mode {
        Mode::OwnLogin => "own_login".to_owned(),
        _ if item.is_null() => request.name.clone(),
        _ => {
            let noun = request.each.first().map_or("each", |&index| scope.definition.requests[index].noun.as_str());
            format!("{noun}/{}/{}", segment(&item_id(item)), request.name)
        }
    };
    match parent {
        Some(parent) => ListingKey::new(format!("{parent}>{own}")),
        None => ListingKey::new(own),
    }
}

/// Keeps the separators of listing keys out of an issuer's ids.
fn segment(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for c in id.chars() {
        match c {
            '%' | '>' | '/' => out.push_str(&format!("%{:02X}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("%{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn item_id(item: &Value) -> String {
    match item.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    }
}
