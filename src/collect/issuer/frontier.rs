//! Pure: what to ask next, what is in flight, what share is read. Turns answers into observations, page by page.
//! Knows no socket and no secret; the walk's loop asks it what to do and tells it what came back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::definition::KeyRule;
use super::definition::answer::Meaning;
use super::definition::paging::PageAt;
use super::definition::request::Sends;
use super::listing::{Listing, Tally};
use super::plan::{active, item_id};
use super::read::Answer;
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
pub(super) enum Waiting {
    Ask(Box<Ask>),
    Each { request: usize, listing: Option<ListingKey>, probe: Option<usize>, items: std::vec::IntoIter<Arc<Value>> },
}

/// The state of one walk.
pub struct Frontier {
    pub(super) scope: Arc<Scope>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) in_flight: u32,
    pub(super) asked: u64,
    /// Requests that take part, by index.
    pub(super) active: Vec<bool>,
    pub(super) listings: HashMap<ListingKey, Listing>,
    /// Children already asked for, by request, item and probe: one group is reached in several ways.
    pub(super) seen: HashSet<(usize, String, Option<usize>)>,
    pub(super) tally: Tally,
    pub(super) refusals: u32,
    pub(super) detail: Option<Text>,
    pub(super) remaining: Option<u32>,
    /// Receipt of the last answer.
    pub(super) last_at: At,
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
    #[expect(clippy::should_implement_trait, reason = "not an iterator: after `None` more may come")]
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
        self.in_flight == 0
            && self.waiting.iter().all(|waiting| match waiting {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::base::yaml::mistake::{FileNo, Mistakes};
    use crate::collect::issuer::definition::compile;
    use crate::collect::issuer::record::{RecordCx, record};
    use crate::domain::key::SightId;
    use crate::domain::observation::Origin;

    const DEFINITION: &str = "title: T\ndocs: d\nverified: { how: unverified, words: w }\nleast: l\nrotate: r\nkey: id\n\
        kinds: { token: { title: t } }\nrequests:\n\
        - { name: groups, mode: inventory, get: /g, paging: link, yields: items, program: '.[]' }\n\
        - { name: members, mode: inventory, each: [groups], get: '/g/{item.id}', paging: link, yields: items, program: '.[]' }\n\
        - { name: member, mode: inventory, each: [members], details: true, get: '/t/{item.id}', program: '.' }\n\
        - { name: extra, mode: inventory, each: [groups], get: '/e/{item.id}', program: '.[]', required: never }\n";

    fn scope() -> Arc<Scope> {
        let definition =
            compile::read("t", FileNo(0), DEFINITION, &mut Mistakes::default()).expect("it is a definition");
        Arc::new(Scope {
            collector: "c".into(),
            definition: Arc::new(definition),
            url: url::Url::parse("https://x.example").ok(),
            settings: json!({}),
            probes: Vec::new(),
            login: None,
            slots_by_id: false,
            sight: SightId(1),
            walk: 1,
        })
    }

    const ROUND: Task = Task::Round { inventory: true, own_login: false };

    fn at() -> At {
        At::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn read(items: Vec<Value>, next: Option<PageAt>) -> Answer {
        let mut answer = Answer::failed(FailureReason::Decode, "".into(), at());
        (answer.meaning, answer.reason, answer.items, answer.next) = (Meaning::Read, None, items, next);
        answer
    }

    fn fails(meaning: Meaning, reason: FailureReason) -> Answer {
        let mut answer = Answer::failed(reason, "500 GET /t".into(), at());
        answer.meaning = meaning;
        answer
    }

    fn member(scope: &Scope, id: &str) -> Answer {
        let cx = RecordCx {
            scope,
            origin: Origin::Inventory,
            given_name: None,
            value: None,
            kind: Some("token"),
            received: at(),
        };
        let mut answer = read(Vec::new(), None);
        answer.records = vec![record(&cx, &json!({ "id": id, "name": id })).unwrap()];
        answer
    }

    /// What the issuer does with one ask: 0 to 5 are answers, then ways to fail.
    fn reply(scope: &Scope, ask: &Ask, luck: u8) -> Answer {
        match (scope.definition.requests[ask.request].name.as_str(), luck % 12) {
            (_, 9) => fails(Meaning::Unable, FailureReason::Http5xx),
            (_, 10) => fails(Meaning::NotAllowed, FailureReason::Forbidden),
            ("member", 11) => {
                let mut gone = read(Vec::new(), None);
                gone.meaning = Meaning::Gone;
                gone
            }
            ("member", _) => member(scope, &item_id(&ask.item)),
            ("extra", _) => read(Vec::new(), None),
            (name, luck) => {
                let page = if let PageAt::Number(page) = ask.page { page } else { 0 };
                let items = (0..luck % 4).map(|n| json!({ "id": format!("{name}{}-{page}-{n}", item_id(&ask.item)) }));
                // Sometimes the issuer leads in a circle.
                let next = match luck {
                    6 => Some(PageAt::Number(page)),
                    3..=5 if page < 3 => Some(PageAt::Number(page + 1)),
                    _ => None,
                };
                read(items.collect(), next)
            }
        }
    }

    /// The members that the listings announced, by listing.
    type Announced = HashMap<ListingKey, BTreeSet<String>>;

    fn walk(luck: &[u8], abandon_after: usize) -> (Frontier, Vec<Observation>, Announced) {
        let scope = scope();
        let mut frontier = Frontier::new(Arc::clone(&scope), &ROUND);
        let (mut told, mut announced, mut asked) = (Vec::new(), Announced::new(), 0);
        let mut flights: VecDeque<Ask> = VecDeque::new();
        loop {
            while flights.len() < 3
                && let Some(ask) = frontier.next()
            {
                flights.push_back(ask);
            }
            let Some(ask) = flights.pop_front() else { break };
            let answer = reply(&scope, &ask, luck[asked % luck.len()]);
            asked += 1;
            if scope.definition.requests[ask.request].name == "members" {
                announced.entry(ask.listing.clone()).or_default().extend(answer.items.iter().map(item_id));
            }
            told.extend(frontier.answered(&ask, answer));
            if asked == abandon_after {
                told.extend(frontier.abandon(FailureReason::Timeout));
                flights.clear();
            }
        }
        (frontier, told, announced)
    }

    proptest! {
        /// Rule 3.2: every listing that is told ends exactly once, and a whole one holds, lists or buries every member.
        #[test]
        fn rule_3_2_a_whole_listing_holds_every_member(
            luck in proptest::collection::vec(any::<u8>(), 1..40),
            abandon_after in 0_usize..60,
        ) {
            let (frontier, told, announced) = walk(&luck, abandon_after);
            prop_assert!(frontier.finished());
            let mut ends: HashMap<ListingKey, Coverage> = HashMap::new();
            let mut seen: HashMap<ListingKey, BTreeSet<String>> = HashMap::new();
            for page in &told {
                prop_assert!(!ends.contains_key(&page.listing), "nothing comes after the end of {}", page.listing);
                let ids = page.records.iter().map(|r| &r.generation).chain(&page.listed).chain(&page.gone);
                seen.entry(page.listing.clone()).or_default().extend(ids.map(|id| id.to_string()));
                if let Some(end) = page.ends {
                    ends.insert(page.listing.clone(), end);
                }
            }
            for (listing, end) in ends.iter().filter(|(_, end)| end.is_whole()) {
                let members = announced.get(listing).cloned().unwrap_or_default();
                let unseen: Vec<_> = members.difference(&seen[listing]).collect();
                prop_assert!(unseen.is_empty(), "{listing} {end:?} misses {unseen:?}");
            }
            for listing in seen.keys() {
                prop_assert!(ends.contains_key(listing), "{listing} never ends");
            }
            if frontier.coverage().is_whole() {
                let blind = |key: &ListingKey, end: &Coverage| !end.is_whole() && !key.as_str().ends_with("/extra");
                prop_assert!(!ends.iter().any(|(key, end)| blind(key, end)));
            }
        }
    }

    #[test]
    fn one_failing_member_does_not_blind_the_others() {
        let scope = scope();
        let mut frontier = Frontier::new(Arc::clone(&scope), &ROUND);
        let mut told = Vec::new();
        while let Some(ask) = frontier.next() {
            let answer = match scope.definition.requests[ask.request].name.as_str() {
                "groups" => read(vec![json!({ "id": "g" })], None),
                "members" => read(["a", "b", "c"].map(|id| json!({ "id": id })).to_vec(), None),
                "extra" => fails(Meaning::NotAllowed, FailureReason::Forbidden),
                _ => match item_id(&ask.item).as_str() {
                    "b" => fails(Meaning::Unable, FailureReason::Timeout),
                    id => member(&scope, id),
                },
            };
            told.extend(frontier.answered(&ask, answer));
        }
        let end =
            told.iter().find(|page| page.listing.as_str() == "groups>groups/g/members" && page.ends.is_some()).unwrap();
        assert_eq!(end.ends, Some(Coverage::Whole));
        assert_eq!(end.listed, vec![GenerationId::from("b")]);
        assert_eq!(frontier.coverage(), Coverage::Partial { read: 2, missed: 1, reason: FailureReason::Timeout });
    }

    #[test]
    fn a_refused_listing_is_unknown_and_the_others_live() {
        let scope = scope();
        let mut frontier = Frontier::new(Arc::clone(&scope), &ROUND);
        let mut told = Vec::new();
        while let Some(ask) = frontier.next() {
            let answer = match (scope.definition.requests[ask.request].name.as_str(), item_id(&ask.item).as_str()) {
                ("groups", _) => read(vec![json!({ "id": "g" }), json!({ "id": "h>/" })], None),
                ("members", "g") => fails(Meaning::NotAllowed, FailureReason::Forbidden),
                _ => read(Vec::new(), None),
            };
            told.extend(frontier.answered(&ask, answer));
        }
        let ends = |key: &str| told.iter().find(|page| page.listing.as_str() == key).and_then(|page| page.ends);
        assert_eq!(ends("groups>groups/g/members"), Some(Coverage::Failed { reason: FailureReason::Forbidden }));
        assert_eq!(ends("groups>groups/h%3E%2F/members"), Some(Coverage::Whole));
        assert_eq!(ListingKey::from("groups>groups/h%3E%2F/members").parent(), Some("groups".into()));
        assert!(matches!(frontier.coverage(), Coverage::Partial { missed: 1, .. }));
    }
}
