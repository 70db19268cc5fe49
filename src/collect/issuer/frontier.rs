//! Pure: what to ask next, what is in flight, what share is read. Turns answers into observations, page by page.
//! Knows no socket and no secret; the walk's loop asks it what to do and tells it what came back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::definition::KeyRule;
use super::definition::answer::Meaning;
use super::definition::paging::PageAt;
use super::definition::request::{Mode, Request, Required, Sends};
use super::listing::{Listing, Tally};
use super::read::Answer;
use super::record;
use super::scope::{Scope, Task};
use crate::domain::At;
use crate::domain::key::{GenerationId, ListingKey};
use crate::domain::observation::{Coverage, Observation};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// Most pages of one listing; an issuer whose pages never end is cut here.
const MOST_PAGES: u32 = 10_000;
/// Refusals of the login after which nothing more is asked with it: accounts get locked.
const REFUSALS: u32 = 3;

/// One request to make now.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Identity within the walk.
    pub id: u64,
    /// Index into `Definition::requests`.
    pub request: usize,
    /// Which of the request's URLs.
    pub url: usize,
    /// The parent's item, `Null` for none.
    pub item: Arc<Value>,
    pub page: PageAt,
    /// Index into `Scope::probes`.
    pub probe: Option<usize>,
    /// The generation asked for by id (`confirm`).
    pub about: Option<GenerationId>,
    pub listing: ListingKey,
    /// How often it was asked before.
    pub attempt: u8,
}

/// What waits to be asked: one ask, or one for each item of a page, made when its turn comes.
enum Waiting {
    Ask(Box<Ask>),
    Each { request: usize, listing: Option<ListingKey>, probe: Option<usize>, items: std::vec::IntoIter<Arc<Value>> },
}

/// The state of one walk.
pub struct Frontier {
    scope: Arc<Scope>,
    waiting: VecDeque<Waiting>,
    in_flight: u32,
    asked: u64,
    /// Requests that take part, by index.
    active: Vec<bool>,
    listings: HashMap<ListingKey, Listing>,
    /// Children already asked for, by request, item and probe: one group is reached in several ways.
    seen: HashSet<(usize, String, Option<usize>)>,
    tally: Tally,
    refusals: u32,
    detail: Option<Text>,
    remaining: Option<u32>,
    /// Receipt of the last answer.
    last_at: At,
}

impl Frontier {
    pub fn new(scope: Arc<Scope>, task: &Task) -> Self {
        let active = active(&scope, task);
        let mut frontier = Self {
            waiting: VecDeque::new(),
            in_flight: 0,
            asked: 0,
            listings: HashMap::new(),
            seen: HashSet::new(),
            tally: Tally::default(),
            refusals: 0,
            detail: None,
            remaining: None,
            last_at: At::UNIX_EPOCH,
            active,
            scope,
        };
        match task {
            Task::Round { .. } => frontier.roots(),
            Task::Confirm(generations) => frontier.confirmations(generations),
        }
        frontier
    }

    /// What to ask next; `None`: nothing now. More may come while something is in flight.
    pub fn next(&mut self) -> Option<Ask> {
        loop {
            match self.waiting.pop_front()? {
                Waiting::Ask(ask) => {
                    self.in_flight += 1;
                    return Some(*ask);
                }
                Waiting::Each { request, listing, probe, mut items } => {
                    let Some(item) = items.next() else { continue };
                    let ask = self.start(request, item, listing.as_ref(), probe);
                    self.waiting.push_front(Waiting::Each { request, listing, probe, items });
                    if let Some(ask) = ask {
                        self.in_flight += 1;
                        return Some(ask);
                    }
                }
            }
        }
    }

    /// Nothing to ask, nothing in flight, and every listing told its end. If it is not when nothing more will come,
    /// [`Frontier::abandon`] tells what is missing.
    pub fn finished(&self) -> bool {
        self.idle() && self.listings.values().all(|listing| listing.ended)
    }

    fn idle(&self) -> bool {
        self.in_flight == 0 && self.waiting.iter().all(|waiting| match waiting {
            Waiting::Ask(_) => false,
            Waiting::Each { items, .. } => items.as_slice().is_empty(),
        })
    }

    /// Puts an ask back in front, to be asked again (throttled, or a 401 that is asked twice).
    pub fn again(&mut self, mut ask: Ask) {
        ask.attempt = ask.attempt.saturating_add(1);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.waiting.push_front(Waiting::Ask(Box::new(ask)));
    }

    /// Takes an answer in: queues the next page and children, and gives what is ready to be sent on.
    pub fn answered(&mut self, ask: &Ask, mut answer: Answer) -> Vec<Observation> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last_at = self.last_at.max(answer.received_at);
        self.remaining = [self.remaining, answer.remaining].into_iter().flatten().min();
        let scope = Arc::clone(&self.scope);
        let request = &scope.definition.requests[ask.request];
        let elsewhere = !matches!(answer.meaning, Meaning::Throttled | Meaning::LoginRefused);
        if answer.reason.is_some() && elsewhere && ask.url + 1 < request.urls.len() {
            self.try_next_url(ask, &answer);
            return Vec::new();
        }
        let (failed, detail) = (answer.reason.is_some(), answer.detail.clone());
        if answer.reason == Some(FailureReason::LoginRefused) && request.sends == Sends::Login {
            self.refusals += 1;
        }
        let items: Vec<Arc<Value>> = std::mem::take(&mut answer.items).into_iter().map(Arc::new).collect();
        self.next_page(ask, &mut answer);
        let holds = self.spread(ask.request, items, Some(&ask.listing), ask.probe);
        let rule = scope.definition.key;
        let Some(listing) = self.listings.get_mut(&ask.listing) else { return Vec::new() };
        listing.open += holds;
        listing.open = listing.open.saturating_sub(1);
        match (&ask.about, request.details) {
            (Some(about), _) => listing.take_about(about.clone(), answer),
            (None, true) => {
                let id = item_id(&ask.item);
                listing.take_details((rule == KeyRule::Id).then_some(id.as_str()), answer);
            }
            (None, false) => listing.take_page(answer),
        }
        if failed && self.detail.is_none() && !listing.excused() {
            self.detail = detail;
        }
        let mut out = self.emit(&ask.listing);
        if self.refusals >= REFUSALS {
            out.extend(self.drop_login_asks());
        }
        if self.idle() {
            out.extend(self.close_all());
        }
        out
    }

    /// Gives up what is left (stop, time limit): open listings end as failed.
    pub fn abandon(&mut self, reason: FailureReason) -> Vec<Observation> {
        // What was announced and never asked for is unread, not gone: each such listing says so.
        for waiting in std::mem::take(&mut self.waiting) {
            if let Waiting::Each { request, listing, probe, items } = waiting {
                for item in items {
                    self.start(request, item, listing.as_ref(), probe);
                }
            }
        }
        self.waiting.clear();
        self.in_flight = 0;
        self.tally.reason.get_or_insert(reason);
        for listing in self.listings.values_mut().filter(|listing| !listing.ended) {
            listing.failure.get_or_insert(reason);
        }
        self.close_all()
    }

    /// How much of the whole walk was read so far.
    pub fn coverage(&self) -> Coverage {
        self.tally.coverage()
    }

    /// The first failure, for `WalkEnd::detail`: `401 GET /api/v4/groups`.
    pub fn detail(&self) -> Option<Text> {
        self.detail.clone()
    }

    /// Smallest rest of the issuer's request window that was told.
    pub fn ratelimit_remaining(&self) -> Option<u32> {
        self.remaining
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    fn roots(&mut self) {
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

    fn confirmations(&mut self, generations: &[GenerationId]) {
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

    fn ask(&mut self, request: usize, item: Arc<Value>, listing: ListingKey, probe: Option<usize>) -> Ask {
        self.asked += 1;
        Ask { id: self.asked, request, url: 0, item, page: PageAt::First, probe, about: None, listing, attempt: 0 }
    }

    /// The first ask of a request for one item. Nothing where the settings alone give its items.
    fn start(&mut self, index: usize, item: Arc<Value>, parent: Option<&ListingKey>, probe: Option<usize>) -> Option<Ask> {
        let scope = Arc::clone(&self.scope);
        let request = &scope.definition.requests[index];
        if let Some(given) = &request.given {
            let items: Vec<Arc<Value>> =
                given.run(&scope.settings, &names(&scope, &item), 100_000).unwrap_or_default().into_iter().map(Arc::new).collect();
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
    fn spread(&mut self, parent: usize, items: Vec<Arc<Value>>, listing: Option<&ListingKey>, probe: Option<usize>) -> usize {
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

    fn try_next_url(&mut self, ask: &Ask, answer: &Answer) {
        let mut next = ask.clone();
        next.url += 1;
        next.attempt = 0;
        if let Some(listing) = self.listings.get_mut(&ask.listing) {
            listing.tried(answer.reason);
        }
        self.waiting.push_front(Waiting::Ask(Box::new(next)));
    }

    /// Queues the next page, unless the issuer leads in a circle or without end.
    fn next_page(&mut self, ask: &Ask, answer: &mut Answer) {
        let Some(next) = answer.next.take() else { return };
        let Some(listing) = self.listings.get_mut(&ask.listing) else { return };
        if !listing.pages.insert(next.clone()) {
            answer.cut = Some(FailureReason::Decode);
            return;
        }
        if listing.pages.len() > MOST_PAGES as usize {
            answer.cut = Some(FailureReason::TooLarge);
            return;
        }
        listing.open += 1;
        let mut ask = self.ask(ask.request, Arc::clone(&ask.item), ask.listing.clone(), ask.probe);
        ask.page = next;
        self.waiting.push_back(Waiting::Ask(Box::new(ask)));
    }

    /// What of a listing is ready: its page, or enough details, or its end.
    fn emit(&mut self, key: &ListingKey) -> Vec<Observation> {
        let Some(listing) = self.listings.get_mut(key) else { return Vec::new() };
        let observation = listing.ready(&self.scope, self.last_at);
        if listing.ended {
            self.tally.add(listing);
        }
        observation.into_iter().collect()
    }

    /// The login is refused again and again: what it would be asked for ends as refused.
    fn drop_login_asks(&mut self) -> Vec<Observation> {
        let scope = Arc::clone(&self.scope);
        let with_login = |request: usize| scope.definition.requests[request].sends == Sends::Login;
        let mut closed = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Ask(ask) if with_login(ask.request) => closed.push((ask.listing, 1)),
                Waiting::Each { request, listing, items, .. }
                    if with_login(request) && scope.definition.requests[request].details =>
                {
                    closed.extend(listing.map(|key| (key, items.len())));
                }
                // Announced and never asked for: unread, not gone.
                Waiting::Each { request, listing, probe, items } if with_login(request) => {
                    for item in items {
                        closed.extend(self.start(request, item, listing.as_ref(), probe).map(|ask| (ask.listing, 1)));
                    }
                }
                kept => self.waiting.push_back(kept),
            }
        }
        let mut out = Vec::new();
        for (key, asks) in closed {
            if let Some(listing) = self.listings.get_mut(&key) {
                listing.open = listing.open.saturating_sub(asks);
                listing.failure.get_or_insert(FailureReason::LoginRefused);
            }
            out.extend(self.emit(&key));
        }
        out
    }

    /// Listings that nothing will come for any more.
    fn close_all(&mut self) -> Vec<Observation> {
        let mut open: Vec<ListingKey> =
            self.listings.values().filter(|listing| !listing.ended).map(|listing| listing.key.clone()).collect();
        open.sort();
        let mut out = Vec::new();
        for key in open {
            let reason = self.tally.reason.unwrap_or(FailureReason::Decode);
            if let Some(listing) = self.listings.get_mut(&key) {
                listing.open = 0;
                listing.failure.get_or_insert(reason);
            }
            out.extend(self.emit(&key));
        }
        out
    }
}

/// In the order of `definition::compile::NAMES`, for programs that run before any answer.
fn names(scope: &Scope, item: &Arc<Value>) -> [Value; 6] {
    [scope.settings.clone(), (**item).clone(), Value::Null, Value::Null, Value::Null, Value::Null]
}

fn active(scope: &Scope, task: &Task) -> Vec<bool> {
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
            let applies = |when: &super::jq::Program| when.holds(&scope.settings, &names(scope, &Arc::new(Value::Null)));
            wanted && request.when.as_ref().is_none_or(applies)
        })
        .collect();
    // Parents stand before their children, so one pass from the end reaches every support request.
    for index in (0..requests.len()).rev().filter(|&index| requests[index].mode == Mode::Support) {
        active[index] = requests.iter().enumerate().any(|(child, request)| active[child] && request.each.contains(&index));
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

fn item_id(item: &Value) -> String {
    match item.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    }
}
