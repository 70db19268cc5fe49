//! Looks at the whole world for an answer, beside the threads that answer and few at a time: a large fleet takes a moment,
//! and must delay neither a scrape nor the keeper. Knows neither pages nor JSON.

use std::sync::PoisonError;

use super::{Parts, Web};
use crate::domain::At;
use crate::judge::world::World;

/// Nothing was seen: the look panicked, or the process ends.
#[derive(Clone, Copy, Debug)]
pub struct Unseen;

pub async fn look<T: Send + 'static>(
    web: &Web,
    parts: &Parts,
    see: impl FnOnce(&World, At) -> T + Send + 'static,
) -> Result<T, Unseen> {
    let (world, now) = (parts.world.clone(), web.clock.now());
    let place = web.lookers.clone().acquire_owned().await.map_err(|_| Unseen)?;
    let seen = tokio::task::spawn_blocking(move || {
        // Whoever asked may be gone before the look is over, and a look cannot be stopped: it holds its place to its end.
        let _place = place;
        let world = world.read().unwrap_or_else(PoisonError::into_inner);
        see(&world, now)
    });
    seen.await.map_err(|_| Unseen)
}
