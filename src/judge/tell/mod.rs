//! From findings to episodes, and from transitions and routes to intents and deliveries.

use crate::domain::At;
use crate::domain::delivery::{Delivery, Facts, Intent};
use crate::domain::episode::{Episode, Transition};

pub mod closings;
pub mod episodes;
pub mod ids;
pub mod route;

/// A transition worth telling, with what a message will need.
#[derive(Clone, Debug)]
pub struct Told {
    pub episode: Episode,
    pub transition: Transition,
    pub facts: Facts,
    /// Part of an introduction (semantics 10).
    pub introduction: bool,
    /// Channels that were told of this episode before; a closing goes only there. Empty: by route.
    pub told_to: Vec<(crate::domain::key::ChannelId, String)>,
}

/// Intents with their deliveries, one per channel and recipient; deterministic ids. `info` findings make none.
pub fn plan(_told: &[Told], _routes: &route::Routes, _now: At) -> (Vec<Intent>, Vec<Delivery>) {
    todo!()
}
