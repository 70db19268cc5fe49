//! `explain`: everything about one token, in sentences: what it is, how its deadline comes about, which line of the
//! configuration says what, what was told and what comes next. Pure: the world and the store's rows are arguments.

use super::filter::shown;
use super::reasons;
use super::shapes::{Explanation, FindingDetail, GenerationRow, NextRow, Said, SetBy, TokenRow, ToldRow};
use crate::deliver::message::{remedy, why, words};
use crate::domain::At;
use crate::domain::delivery::{Facts, Intent};
use crate::domain::episode::{Episode, Subject, Transition};
use crate::domain::key::TokenKey;
use crate::domain::observation::Origin;
use crate::domain::token::{Expiry, Generation, Token};
use crate::judge::world::World;
use crate::judge::world::view::FindingLine;
use crate::keep::store::{Remembered, Sought};

use super::deliveries::what;

/// Words to come that are worked out, at most.
const NEXT: usize = 5;
/// Rows of history, at most.
const HISTORY: u32 = 50;

/// No token is meant, or several are; one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// The token with this label, or with an episode of this code.
pub fn find(world: &World, text: &str) -> Result<TokenKey, NotFound> {
    let visible = |key: &TokenKey| world.shown(&key.collector);
    if let Some(key) = world.inventory.labelled(text).filter(visible) {
        return Ok(key);
    }
    let mut coded: Vec<TokenKey> = Vec::new();
    for episode in world.episodes_coded(text) {
        if let Subject::Token(key) = &episode.subject
            && visible(key)
            && !coded.contains(key)
        {
            coded.push(key.clone());
        }
    }
    match coded.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(NotFound(unknown(world, text))),
        several => {
            let tokens = several.iter().filter_map(|key| world.inventory.get(key));
            let labels: Vec<String> = tokens.map(|token| token.label.to_string()).collect();
            Err(NotFound(format!("the code {} stands for several tokens: {}", shown(text), labels.join(", "))))
        }
    }
}

/// `there is no token "renovate"; there is gitlab/platform/renovate`.
fn unknown(world: &World, text: &str) -> String {
    const MOST: usize = 3;
    let wanted = text.to_lowercase();
    let mut alike: Vec<String> = Vec::new();
    let mut more = 0;
    if !wanted.is_empty() {
        world.watched(&mut |token, _| {
            if token.label.to_lowercase().contains(&wanted) {
                match alike.len() < MOST {
                    true => alike.push(token.label.to_string()),
                    false => more += 1,
                }
            }
        });
    }
    let token = shown(text);
    match (alike.is_empty(), more) {
        (true, _) => format!("there is no token {token}, and no open finding with this code"),
        (false, 0) => format!("there is no token {token}; there is {}", alike.join(", ")),
        (false, more) => format!("there is no token {token}; there is {} and {more} more", alike.join(", ")),
    }
}

/// What to ask the store for, to say what was told of a token.
pub fn history_of(key: &TokenKey) -> Sought {
    Sought { subjects: vec![Subject::Token(key.clone())], limit: HISTORY, ..Sought::default() }
}

impl Explanation {
    /// `None`: the token is gone. `history`: what the store answers to [`history_of`].
    pub fn of(world: &World, key: &TokenKey, history: &[Remembered], now: At) -> Option<Self> {
        let (token, standing) = (world.inventory.get(key)?, world.inventory.standing(key)?);
        let row = TokenRow::of(world, &token, &standing, now);
        let rules = world.rules();
        let (policy, collector) = (rules.policy(token.policy), rules.collector(&key.collector));
        let issuer = collector.map(|rules| rules.issuer.as_str()).unwrap_or_default();
        let shown = token.current(now).or_else(|| token.head());
        let link = shown.and_then(|shown| shown.link.as_ref()).map(|link| link.as_str());
        Some(Self {
            now,
            kind: kind(world, &token, issuer),
            issuer: rules.written().issuers.get(issuer).cloned().unwrap_or_else(|| issuer.to_owned()),
            issuer_id: issuer_id(&token, shown),
            owner: token.owner.as_ref().map(ToString::to_string),
            also: also(world, &token),
            deadline: reasons::deadline(world, &token, &standing, now),
            breaks: reasons::breaks(&policy.pipelines, &standing, now),
            findings: findings(world, &token, &row, now),
            set_by: set_by(world, &token),
            facts: facts(world, &token, shown, now),
            scopes: shown.map(|g| g.scopes.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            before: before(&token, shown, now),
            told: history.iter().map(ToldRow::of).collect(),
            next: next(world, &token, now),
            runbook: policy.runbook.clone(),
            link: link.filter(|link| remedy::is_web(link)).map(str::to_owned),
            rotate: collector.map(|rules| rules.rotate.to_string()).unwrap_or_default(),
            row,
        })
    }
}

fn kind(world: &World, token: &Token<'_>, issuer: &str) -> String {
    let kind = token.key.kind();
    if token.own_login() {
        return format!("forewarn's own login to {issuer}");
    }
    if token.flow.is_some() {
        return "tokens minted per job, watched as one".into();
    }
    let title = world.rules().written().kinds.get(&(issuer.to_owned(), kind.to_owned()));
    title.cloned().unwrap_or_else(|| kind.to_owned())
}

/// The issuer's id; never a hash of a value. Of an inspected value the issuer may tell it as a fact.
fn issuer_id(token: &Token<'_>, shown: Option<&Generation>) -> Option<String> {
    let told = token.facts.iter().find(|(name, _)| name.as_str() == "id").map(|(_, id)| id.to_string());
    told.or_else(|| shown.filter(|_| token.origin == Origin::Inventory).and_then(visible_id))
}

fn visible_id(generation: &Generation) -> Option<String> {
    if generation.value.as_ref() == Some(&generation.id) {
        return None;
    }
    // Ids that are given twice carry their date of issue.
    let dated = generation.issued.map(|issued| format!("@{}", issued.timestamp()));
    let id = dated.and_then(|dated| generation.id.strip_suffix(dated.as_str())).unwrap_or(&generation.id);
    Some(id.to_owned())
}

/// Tokens of other collectors that look at the same issuer and hold the same generation (semantics 1.11).
fn also(world: &World, token: &Token<'_>) -> Vec<String> {
    let Some(own) = world.rules().collector(&token.key.collector).filter(|own| !own.url.is_empty()) else {
        return Vec::new();
    };
    let others = world.rules().collectors().filter(|other| other.id != own.id && other.url == own.url);
    let mut labels: Vec<String> = others
        .flat_map(|other| token.generations.iter().filter_map(|g| world.inventory.holder(&other.id, &g.id)))
        .filter_map(|key| world.inventory.get(&key).map(|token| token.label.to_string()))
        .collect();
    labels.sort();
    labels.dedup();
    labels
}

fn findings(world: &World, token: &Token<'_>, row: &TokenRow, now: At) -> Vec<FindingDetail> {
    let subject = Subject::Token(token.key.as_ref().clone());
    let detail = |line: &FindingLine| {
        let episode = world.open(&subject).find(|episode| episode.kind == line.finding);
        let text = match episode {
            Some(episode) => sentence(world, token, episode, now),
            None => format!("{} stands; it was judged just now", line.finding),
        };
        FindingDetail { line: line.clone(), text, runbook: line.finding.to_string() }
    };
    row.line.findings.iter().map(detail).collect()
}

/// The finding in the words of its message, with how it is known.
fn sentence(world: &World, token: &Token<'_>, episode: &Episode, now: At) -> String {
    let facts = world.explained(token, episode, now);
    let intent = Intent {
        episode: episode.clone(),
        transition: Transition::Opened,
        seq: episode.seq,
        at: now,
        introduction: false,
        digest: None,
        facts,
    };
    let head = crate::deliver::message::head::open(&intent, now);
    let facts: &Facts = &intent.facts;
    let mut text = crate::deliver::message::plain(&head.headline);
    text.extend(head.relative.iter().map(|relative| format!(", {relative}")));
    text.extend(why::remark(&episode.finding.why, facts, now).map(|remark| format!(" ({remark})")));
    text
}

fn set_by(world: &World, token: &Token<'_>) -> Vec<SetBy> {
    let rules = world.rules();
    let place = |path: &str| rules.place(path).map(str::to_owned);
    let mut all = Vec::new();
    for source in rules.sources(&world.subject(token)) {
        let place = place(&source.path);
        all.push(SetBy { key: source.key.into(), value: source.value.clone(), place });
        if source.key == "schedule"
            && let Some(schedule) = &rules.policy(token.policy).schedule
        {
            let path = format!("schedules.{}", schedule.id);
            let by = if schedule.by_hand { "hand" } else { "machine" };
            let value = format!("{}, by {by}", schedule.text);
            all.push(SetBy {
                key: format!("schedule {}", schedule.id),
                value,
                place: rules.place(&path).map(str::to_owned),
            });
        }
    }
    let collector = &token.key.collector;
    let every = rules.collector(collector).map(|rules| rules.every).unwrap_or_default();
    all.push(SetBy {
        key: "collector".into(),
        value: format!("{collector}, polled every {}", words::about(every.into())),
        place: place(&format!("collectors.{collector}")),
    });
    all
}

fn said(what: &str, text: impl Into<String>, at: Option<At>) -> Said {
    Said { what: what.into(), text: text.into(), at }
}

fn facts(world: &World, token: &Token<'_>, shown: Option<&Generation>, now: At) -> Vec<Said> {
    let mut all = Vec::new();
    if let Some(generation) = shown {
        let mut day = |what: &str, at: Option<At>| all.extend(at.map(|at| said(what, words::until(at, now), Some(at))));
        day("issued", generation.issued);
        day("starts", generation.starts);
        day("renewed", generation.renewed);
        day("cannot be renewed beyond", generation.hard_stop);
        all.push(match generation.last_used {
            Some(used) => {
                let text = format!("{} (to {})", words::clock(used.at, now), words::about(used.granularity.into()));
                said("last used", text, Some(used.at))
            }
            None => said("last used", "not told", None),
        });
    }
    if let Some(flow) = &token.flow {
        all.push(said("alive", words::count(flow.count as usize, "token"), None));
        all.extend(flow.newest_issued.map(|at| said("newest issued", words::clock(at, now), Some(at))));
    }
    all.extend(token.rotated_at.map(|at| said("rotated", words::until(at, now), Some(at))));
    all.push(said("first seen", words::until(token.first_seen, now), Some(token.first_seen)));
    let read = world.read_at(token);
    let collector = &token.key.collector;
    all.push(said("read", format!("{} by {collector}{}", words::nearly(read, now), how(token.origin)), Some(read)));
    all.extend(token.facts.iter().map(|(name, text)| said(name.as_str(), text.as_str(), None)));
    all
}

fn how(origin: Origin) -> &'static str {
    match origin {
        Origin::Inventory => "",
        Origin::Inspect => ", which holds its value and asks with it",
        Origin::Declared => ", written in the configuration and asked of nobody",
        Origin::OwnLogin => ", whose login it is",
    }
}

fn before(token: &Token<'_>, shown: Option<&Generation>, now: At) -> Vec<GenerationRow> {
    let present = shown.map(|shown| shown.id.clone());
    let earlier = token.generations.iter().rev().filter(|generation| Some(&generation.id) != present.as_ref());
    earlier.map(|generation| generation_row(token, generation, now)).collect()
}

fn generation_row(token: &Token<'_>, generation: &Generation, now: At) -> GenerationRow {
    let concluded = generation.ended.as_ref();
    let past = generation.end().filter(|end| *end <= now);
    let works = token.origin == Origin::Inventory && generation.usable(now);
    GenerationRow {
        id: visible_id(generation).filter(|_| token.origin == Origin::Inventory),
        issued: generation.issued,
        first_seen: generation.first_seen,
        ends: generation.end(),
        never_expires: generation.expires == Expiry::Never && generation.hard_stop.is_none(),
        ended: concluded.map(|ended| ended.word.to_string()).or_else(|| past.map(|_| "expired".into())),
        ended_at: concluded.map(|ended| ended.at).or(past),
        last_used: generation.last_used.map(|used| used.at),
        still_works: works,
    }
}

fn next(world: &World, token: &Token<'_>, now: At) -> Vec<NextRow> {
    let row = |to_come: crate::judge::world::ahead::ToCome| NextRow {
        at: to_come.at,
        finding: to_come.episode.kind,
        what: what(&to_come.transition, to_come.episode.rung.as_ref()),
        channels: to_come.channels.iter().map(ToString::to_string).collect(),
    };
    world.to_come(token, NEXT, now).into_iter().map(row).collect()
}
