//! `explain`: everything about one token, in sentences: what it is, how its deadline comes about, which line of the
//! configuration says what, what was told and what comes next. Pure: the world and the store's rows are arguments.

use super::filter::shown;
use super::reasons;
use super::shapes::{Explanation, FindingDetail, GenerationRow, NextRow, Said, SetBy, TokenRow, ToldRow};
use crate::base::yaml::mistake::nearest;
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
    let (mut alike, mut more, mut near) = (Vec::new(), 0, Vec::<String>::new());
    world.watched(&mut |token, _| {
        if !wanted.is_empty() && token.label.to_lowercase().contains(&wanted) {
            match alike.len() < MOST {
                true => alike.push(token.label.to_string()),
                false => more += 1,
            }
        }
        if near.len() < COMPARED && token.label.len().abs_diff(text.len()) <= MOST {
            near.push(token.label.to_string());
        }
    });
    let token = shown(text);
    let near = nearest(text, near.iter().map(String::as_str));
    match (alike.is_empty(), more, near) {
        (true, _, Some(near)) => format!("there is no token {token}; did you mean {near}?"),
        (true, ..) => format!("there is no token {token}, and no open finding with this code"),
        (false, 0, _) => format!("there is no token {token}; there is {}", alike.join(", ")),
        (false, more, _) => format!("there is no token {token}; there is {} and {more} more", alike.join(", ")),
    }
}

/// Labels of about the right length that a misspelt one is compared with: a moment's work in a large fleet.
const COMPARED: usize = 20_000;

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
            breaks: reasons::breaks(world, &policy.pipelines, &standing, now),
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

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn explained(name: &str) -> Explanation {
        let world = sample::world();
        let key = find(&world, name).unwrap();
        Explanation::of(&world, &key, &[], sample::now()).unwrap()
    }
    fn lines(said: &[Said]) -> String {
        said.iter().map(|said| format!("{}: {}", said.what, said.text)).collect::<Vec<_>>().join("\n")
    }
    fn next_of(of: &Explanation) -> String {
        let row = |row: &NextRow| {
            format!("{} {} {} to {}", words::short(row.at, of.now), row.finding, row.what, row.channels.join(", "))
        };
        of.next.iter().map(row).collect::<Vec<_>>().join("\n")
    }

    /// The sample of surfaces 6.2.
    #[test]
    fn the_run_that_fails_is_named() {
        let runs = serde_json::json!({ "runs": { "cron": "0 2,12 * * *", "zone": "UTC" }, "lasts": "1h" });
        let world = sample::world_with(serde_json::json!({ "deploy-prod": runs, "nightly": {} }));
        let breaks = |name: &str| {
            let key = find(&world, name).unwrap();
            lines(&Explanation::of(&world, &key, &[], sample::now()).unwrap().breaks)
        };
        insta::assert_snapshot!(breaks("gitlab/platform/renovate"), @"deploy-prod: holds until Tue 1 Dec 2026 00:00 UTC; the run of Tue 1 Dec 02:00 UTC does not");
        insta::assert_snapshot!(breaks("keycloak/ci/deploy-bot"), @"deploy-prod: broken since Tue 24 Nov 2026 09:01 UTC; the run of Tue 24 Nov 12:00 UTC will fail");
    }

    #[test]
    fn the_schedule_does_not_save_it() {
        let it = explained("gitlab/platform/renovate");
        assert_eq!(
            (it.kind.as_str(), it.issuer.as_str(), it.issuer_id.as_deref()),
            ("group access token", "GitLab", Some("8841"))
        );
        insta::assert_snapshot!(lines(&it.deadline), @r#"
        deadline: Tue 1 Dec 2026 00:00 UTC, in 6 days 14 hours: its expiry (a date only, taken at its first minute)
        rotation: due Tue 1 Dec 14:10 UTC (2 Sep 2026 + 90d, quarterly), 14 h too late: the schedule does not save it
        "#);
        insta::assert_snapshot!(lines(&it.breaks), @r#"deploy-prod: holds until Tue 1 Dec 2026 00:00 UTC"#);
        insta::assert_snapshot!(lines(&it.facts), @r#"
        issued: 2 Sep 2026
        last used: 09:20 UTC (to 10 min)
        first seen: 06:15 UTC
        read: 4 min ago by gitlab
        "#);
        let set: Vec<_> = it
            .set_by
            .iter()
            .map(|set| format!("{} {} {}", set.key, set.value, set.place.as_deref().unwrap_or("-")))
            .collect();
        insta::assert_snapshot!(set.join("\n"), @r#"
        team platform forewarn.yml:12
        schedule quarterly forewarn.yml:15
        schedule quarterly every 90d, by hand forewarn.yml:9
        pipelines deploy-prod forewarn.yml:16
        runbook https://wiki.example.com/rotate-gitlab-token forewarn.yml:17
        collector gitlab, polled every 15 min forewarn.yml:2
        "#);
        let findings: Vec<_> =
            it.findings.iter().map(|finding| format!("{}: {}", finding.line.finding, finding.text)).collect();
        insta::assert_snapshot!(findings.join("\n"), @r#"
        expires_soon: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, in 6 days 14 hours
        rotation_due: gitlab/platform/renovate is due for rotation (every 90d) Tue 1 Dec 2026 14:10 UTC, in 7 days 4 hours
        "#);
        insta::assert_snapshot!(next_of(&it), @r#"
        Tue 24 Nov 14:10 UTC rotation_due 7d to chat
        Sat 28 Nov 00:00 UTC expires_soon 3d to chat
        Sat 28 Nov 14:10 UTC rotation_due 3d to chat
        Mon 30 Nov 00:00 UTC expires_soon 1d to chat, mail
        Mon 30 Nov 14:10 UTC rotation_due 1d to chat
        "#);
        assert_eq!(it.scopes, ["read_api", "read_registry"]);
        assert_eq!(it.link.as_deref(), Some("https://gitlab.example.com/groups/platform/-/settings/access_tokens"));
    }

    #[test]
    fn what_is_over_says_so() {
        let it = explained("keycloak/ci/deploy-bot");
        insta::assert_snapshot!(lines(&it.deadline), @r#"
        deadline: Tue 24 Nov 2026 09:01 UTC, 39 min ago: it was revoked
        expiry: was good until Mon 1 Mar 2027 00:00 UTC
        "#);
        insta::assert_snapshot!(lines(&it.breaks), @r#"deploy-prod: broken since Tue 24 Nov 2026 09:01 UTC"#);
        insta::assert_snapshot!(next_of(&it), @r#"
        Wed 25 Nov 09:01 UTC revoked reminder 1 to chat, mail
        Fri 27 Nov 09:01 UTC revoked reminder 2 to chat, mail
        Tue 1 Dec 09:01 UTC revoked reminder 3 to chat, mail
        Tue 8 Dec 09:01 UTC revoked reminder 4 to chat, mail
        Tue 15 Dec 09:01 UTC revoked reminder 5 to chat, mail
        "#);
    }

    #[test]
    fn a_rotation_decides_where_nothing_expires() {
        let it = explained("aws/ci-deploy");
        insta::assert_snapshot!(lines(&it.deadline), @r#"
        deadline: Fri 30 Oct 2026 00:00 UTC, 25 days 9 hours ago: its rotation
        rotation: due Fri 30 Oct 00:00 UTC (1 Aug 2026 + 90d, quarterly): missed since Fri 6 Nov 00:00 UTC
        "#);
        let it = explained("gitlab/platform/old-mirror");
        insta::assert_snapshot!(lines(&it.deadline), @r#"deadline: none: it never expires, and no policy gives it a schedule"#);
        insta::assert_snapshot!(lines(&it.breaks), @r#": not said: no policy names a pipeline for it"#);
    }

    #[test]
    fn a_token_is_found_by_label_and_by_code_and_else_there_is_help() {
        let world = sample::world();
        let label = |text: &str| {
            find(&world, text).map(|key| world.inventory.get(&key).unwrap().label.to_string()).map_err(|none| none.0)
        };
        let episode = world.open_episodes().find(|e| e.kind == crate::domain::finding::FindingKind::Revoked).unwrap();
        assert_eq!(label(&episode.id.code()).as_deref(), Ok("keycloak/ci/deploy-bot"));
        assert_eq!(label(&episode.id.code().to_lowercase()).as_deref(), Ok("keycloak/ci/deploy-bot"));
        insta::assert_snapshot!(label("renovate").unwrap_err(), @r#"there is no token "renovate"; there is gitlab/platform/renovate"#);
        insta::assert_snapshot!(label("gitlab/platfrom/renovate").unwrap_err(), @r#"there is no token "gitlab/platfrom/renovate"; did you mean gitlab/platform/renovate?"#);
        insta::assert_snapshot!(label("zzzz").unwrap_err(), @r#"there is no token "zzzz", and no open finding with this code"#);
    }

    /// What is foretold is what the world says when the time comes.
    #[test]
    fn rule_9_3_what_comes_next_comes() {
        use crate::judge::evaluate::almanac::Almanac;
        use crate::judge::world::Event;
        let mut stage = sample::Stage::new();
        let expires =
            crate::domain::token::Expiry::At(crate::domain::token::End::hard(sample::at("2026-12-10T00:00:00Z")));
        let records = || vec![sample::record("platform", "renovate", "2026-01-01T00:00:00Z", expires)];
        stage.round("gitlab", records(), sample::now());
        let key = find(&stage.world, "gitlab/platform/renovate").unwrap();
        let token = stage.world.inventory.get(&key).unwrap().into_owned();
        let told = stage.world.to_come(&token, 12, sample::now());
        let foretold: Vec<_> = told.iter().map(|told| (told.at, told.episode.kind, told.transition.clone())).collect();
        assert!(foretold.len() >= 4, "{foretold:?}");
        let mut almanac = Almanac::default();
        let mut heard: Vec<(At, crate::domain::finding::FindingKind, Transition)> = Vec::new();
        for (at, ..) in &foretold {
            if heard.iter().any(|(earlier, ..)| earlier == at) {
                continue;
            }
            stage.round("gitlab", records(), *at - chrono::TimeDelta::minutes(1));
            let decision = stage.world.decide(&Event::Due, &mut almanac, *at);
            let intents = decision.batch.intents.iter();
            heard.extend(intents.map(|intent| (*at, intent.episode.kind, intent.transition.clone())));
            stage.world.apply(decision);
        }
        let plain = |list: &[(At, crate::domain::finding::FindingKind, Transition)]| -> Vec<String> {
            let mut all: Vec<_> = list.iter().map(|(at, kind, t)| format!("{at} {kind} {}", t.as_key())).collect();
            all.sort();
            all
        };
        assert_eq!(plain(&heard), plain(&foretold));
    }
}
