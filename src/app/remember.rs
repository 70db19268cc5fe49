//! A world as the store remembers it.

use std::path::Path;

use crate::config::setup::Setup;
use crate::domain::At;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::world::{Event, World};
use crate::keep::store::{self, Store, Stored, sqlite};

/// Loads everything into a new world under the rules of `setup`.
pub fn world(store: &mut dyn Store, setup: &Setup, now: At) -> store::Result<World> {
    let mut world = World::new(setup.rules.clone(), setup.routes.clone(), now);
    store.load(&mut |stored| match stored {
        Stored::Slot(slot) => world.remember_slot(slot),
        Stored::Collector(status) => world.remember_collector(status),
        Stored::Episode(episode) => world.remember_episode(episode, now),
        Stored::Digested(at) => world.remember_digested(at),
        Stored::Channel(health) => world.remember_channel(health),
        Stored::ToldTo { episode, channel, recipient } => world.remember_told(episode, channel, recipient),
    })?;
    judge(&mut world, now);
    Ok(world)
}

/// A world read beside a running server, judged at `now`; for `list`.
pub fn read_only(path: &Path, setup: &Setup, now: At) -> store::Result<World> {
    let mut store = sqlite::open_read_only(path)?;
    world(store.as_mut(), setup, now)
}

/// Standings only: a world that has just been read settles before it speaks, so nothing is decided here that would
/// have to be written down.
fn judge(world: &mut World, now: At) {
    let mut almanac = Almanac::default();
    while world.inventory.next_due().is_some_and(|due| due <= now) {
        let decision = world.decide(&Event::Due, &mut almanac, now);
        if decision.judged.is_empty() {
            break;
        }
        world.apply(decision);
    }
}
