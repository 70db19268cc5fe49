//! A world as the store remembers it.

use std::path::{Path, PathBuf};

use super::StartError;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::time::clock::Clock;
use crate::config::setup::Setup;
use crate::domain::At;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::world::{Event, World};
use crate::keep::guard::Guard;
use crate::keep::store::{self, Store, Stored, sqlite};

/// What a start finds in the store.
pub struct Remembered {
    pub world: World,
    pub store: Box<dyn Store>,
    pub fingerprints: Fingerprints,
    pub last_write: Option<At>,
}

/// Opens the store, which nobody else may hold, and reads all of it.
pub fn open(setup: &Setup, clock: &Clock) -> Result<Remembered, StartError> {
    let path = &setup.store.path;
    let mut store = sqlite::open(path).map_err(|error| StartError::new(1, error))?;
    let fingerprints = Fingerprints::open(&key_file(path)).map_err(|error| StartError::new(1, error))?;
    let last_write = store.last_write().map_err(|error| StartError::new(1, error))?;
    let world = world(store.as_mut(), setup, believed(clock, last_write));
    let world = world.map_err(|error| StartError::new(1, error))?;
    Ok(Remembered { world, store, fingerprints, last_write })
}

/// Now; or, under a clock that is not believed, the last instant that is (semantics 11.1): it judges nothing.
fn believed(clock: &Clock, last_write: Option<At>) -> At {
    let now = clock.now();
    let doubted = Guard::new(now, clock.boot(), last_write).held();
    last_write.filter(|_| doubted).unwrap_or(now)
}

/// The key of the fingerprints lies beside the store.
pub fn key_file(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    store.with_file_name(name)
}

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
pub(super) fn judge(world: &mut World, now: At) {
    let mut almanac = Almanac::default();
    while world.inventory.next_due().is_some_and(|due| due <= now) {
        let decision = world.decide(&Event::Due, &mut almanac, now);
        if decision.judged.is_empty() {
            break;
        }
        world.apply(decision);
    }
}
