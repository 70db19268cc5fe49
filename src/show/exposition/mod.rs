//! The metrics page: dirty leaves → pieces → one swap; a scrape compresses no token and waits for nobody.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::domain::At;
use crate::domain::key::CollectorId;
use crate::judge::evaluate::rules::Rules;
use crate::judge::inventory::LeafId;
use crate::judge::world::World;

pub mod aggregates;
pub mod body;
pub mod families;
pub mod piece;
pub mod refresh;
mod render;

use aggregates::{Sums, Undone};
use families::FAMILIES;
use piece::Piece;

/// `metrics:` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub tokens: Shown,
    /// Families off by default that are wanted: `issued`, `last_used`.
    pub also: Vec<String>,
    pub narrow_above: usize,
}

impl Default for Choice {
    fn default() -> Self {
        Self { tokens: Shown::All, also: Vec::new(), narrow_above: 200_000 }
    }
}

/// Which tokens have series of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    #[default]
    All,
    /// Only tokens with an open finding.
    Findings,
    None,
}

/// The page as of one refresh; what is served until the next.
#[derive(Default)]
pub struct Page {
    pub families: Vec<FamilyPage>,
    /// Families that follow from all tokens: counts, findings, pipelines.
    pub small: Piece,
    /// Tokens that each collector holds.
    pub held: BTreeMap<CollectorId, usize>,
    pub narrowed: bool,
    pub made_at: At,
}

/// One family: its header and the pieces of eight neighbouring leaves to a frame.
pub struct FamilyPage {
    pub header: Piece,
    pub frames: Vec<Piece>,
}

/// Renders from the world; swapped whole.
pub struct Exposition {
    world: Arc<RwLock<World>>,
    page: ArcSwap<Page>,
    choice: ArcSwap<Choice>,
    pub undone: ArcSwap<Undone>,
}

impl Page {
    /// Every piece of the page, in its order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let families = self.families.iter().flat_map(|family| std::iter::once(&family.header).chain(&family.frames));
        families.chain([&self.small]).filter(|piece| piece.len > 0)
    }
}

impl Exposition {
    pub fn new(world: Arc<RwLock<World>>, choice: Choice) -> Arc<Self> {
        Arc::new(Self {
            world,
            page: ArcSwap::from_pointee(Page::default()),
            choice: ArcSwap::from_pointee(choice),
            undone: ArcSwap::from_pointee(Undone::default()),
        })
    }

    pub fn page(&self) -> Arc<Page> {
        self.page.load_full()
    }

    /// After a reload.
    pub fn choose(&self, choice: Choice) {
        self.choice.store(Arc::new(choice));
    }

    /// The part that is rendered for each scrape: next runs, collectors, deliveries, and `own`, the service's registry.
    pub fn live(&self, own: &str, now: At) -> String {
        let mut out = String::with_capacity(16 * 1024);
        let page = self.page();
        families::header(
            &mut out,
            "forewarn_metrics_narrowed",
            "gauge",
            "Whether per-token series are narrowed because the inventory is large.",
        );
        families::line(&mut out, "forewarn_metrics_narrowed", "", if page.narrowed { "1" } else { "0" });
        {
            let world = read(&self.world);
            aggregates::render_next_runs(&mut out, world.rules(), now);
            let collectors: Vec<_> = world.collectors().collect();
            aggregates::render_collectors(&mut out, &collectors, &|id| page.held.get(id).copied().unwrap_or(0));
            let channels: Vec<_> =
                world.routes().channels().keys().map(|id| (id.clone(), world.channels().get(id).cloned())).collect();
            aggregates::render_held(&mut out, &world.held());
            aggregates::render_delivery(&mut out, &channels, &self.undone.load());
        }
        out.push_str(own);
        out
    }
}

/// Families in force, in page order.
fn wanted(choice: &Choice) -> impl Iterator<Item = &'static families::Family> {
    FAMILIES.iter().filter(|family| match family.also {
        Some(name) => choice.also.iter().any(|wanted| wanted == name),
        None => true,
    })
}

/// A poisoned lock means that a panic was counted elsewhere; the facts behind it are whole, since `apply` only moves.
fn read(world: &RwLock<World>) -> std::sync::RwLockReadGuard<'_, World> {
    world.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Pieces of one leaf, kept between refreshes.
#[derive(Default)]
struct Kept {
    revision: u64,
    pieces: Vec<(u64, Piece)>,
    sums: Sums,
}

/// What a refresh remembers of the last one.
#[derive(Default)]
pub struct Workshop {
    kept: HashMap<LeafId, Kept>,
    frames: HashMap<(usize, Vec<u64>), Piece>,
    next_piece: u64,
    /// Choice and rules that the kept pieces were made with.
    made_with: Option<(Choice, Arc<Rules>, bool)>,
    dynamic: BTreeMap<CollectorId, u32>,
}

/// A refresh runs at most this often, and costs at most 1/20 of a core.
pub fn pause_after(cost: Duration) -> Duration {
    Duration::from_secs(1).max(cost * 20)
}
