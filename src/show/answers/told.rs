//! What was last told of a token, in the few characters of a table cell: `09:01 chat`, `✖ mail 4 h`. Pure.

use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::episode::{Episode, Subject};
use crate::domain::key::TokenKey;
use crate::judge::world::World;

/// Of its open episodes the one told last; empty: nothing was told.
pub fn last(world: &World, key: &TokenKey, now: At) -> String {
    let subject = Subject::Token(key.clone());
    let told = world.open(&subject).filter_map(|episode| Some((episode.told?, episode))).max_by_key(|(at, _)| *at);
    told.map(|(at, episode)| cell(world, episode, at, now)).unwrap_or_default()
}

fn cell(world: &World, episode: &Episode, at: At, now: At) -> String {
    let mut channels: Vec<&str> = Vec::new();
    for (channel, _) in world.told_to(episode.id) {
        let broken = world.channels().get(channel).and_then(|health| health.broken);
        // A message that waits behind a broken channel was not told.
        if let Some((since, _)) = broken {
            return format!("✖ {channel} {}", words::about((now - since).num_seconds()));
        }
        if !channels.contains(&channel.as_str()) {
            channels.push(channel.as_str());
        }
    }
    if channels.is_empty() {
        return String::new();
    }
    format!("{} {}", when(at, now), channels.join(", "))
}

/// `09:01` today, else `24 Nov`, else with its year.
pub fn when(at: At, now: At) -> String {
    const YEAR_NEEDED: i64 = 180;
    if at.date_naive() == now.date_naive() {
        return at.format("%H:%M").to_string();
    }
    if (now - at).num_days().abs() < YEAR_NEEDED { at.format("%-d %b").to_string() } else { words::day(at) }
}
