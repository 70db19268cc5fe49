//! One refresh: leaves that changed are rendered and deflated, frames that hold them joined anew, the page swapped.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::aggregates::{Sums, render_sums};
use super::families::{Family, header};
use super::piece::Piece;
use super::render::RenderCx;
use super::{Choice, Exposition, FamilyPage, Kept, Page, Workshop, read, wanted};
use crate::domain::At;
use crate::domain::key::CollectorId;
use crate::judge::inventory::LeafId;

/// Leaves whose pieces stand in one buffer: frames of 20 KB and more, because the server gathers few buffers a write.
const LEAVES_A_FRAME: usize = 8;

impl Exposition {
    /// Brings the page up to date. CPU work of the changed leaves only; run it off the async threads.
    pub fn refresh(&self, shop: &mut Workshop, now: At) {
        let choice = self.choice.load_full();
        let leaves = self.leaves(shop, &choice);
        let ids: Vec<LeafId> = leaves.iter().map(|(id, _)| *id).collect();
        let narrowed = shop.made_with.as_ref().is_some_and(|(.., narrowed)| *narrowed);
        for (id, revision) in &leaves {
            if shop.kept.get(id).is_none_or(|kept| kept.revision != *revision) {
                self.remake(shop, (*id, *revision), &choice, (narrowed, now));
            }
        }
        let alive: HashSet<LeafId> = ids.iter().copied().collect();
        shop.kept.retain(|id, _| alive.contains(id));
        let page = self.assemble(shop, &ids, &choice, (narrowed, now));
        self.page.store(Arc::new(page));
    }

    /// Leaves as they are; forgets everything kept if the choice, the rules or the narrowing changed.
    fn leaves(&self, shop: &mut Workshop, choice: &Choice) -> Vec<(LeafId, u64)> {
        let world = read(&self.world);
        let narrowed = world.inventory.len() > choice.narrow_above;
        let rules = world.rules();
        let same = shop
            .made_with
            .as_ref()
            .is_some_and(|(with, made, narrow)| with == choice && Arc::ptr_eq(made, rules) && *narrow == narrowed);
        if !same {
            shop.kept.clear();
            shop.made_with = Some((choice.clone(), rules.clone(), narrowed));
        }
        shop.dynamic = world.collectors().map(|status| (status.id.clone(), status.dynamic)).collect();
        world.inventory.leaves()
    }

    fn remake(&self, shop: &mut Workshop, (id, revision): (LeafId, u64), choice: &Choice, (narrowed, now): (bool, At)) {
        let (texts, sums) = {
            let world = read(&self.world);
            let cx = RenderCx { world: &world, choice, narrowed, now };
            cx.leaf(id, &wanted(choice).collect::<Vec<_>>())
        };
        let before = shop.kept.remove(&id).unwrap_or_default();
        let pieces = texts.iter().enumerate().map(|(nth, text)| {
            let same = before.pieces.get(nth).filter(|(_, piece)| is_of(piece, text)).cloned();
            same.unwrap_or_else(|| {
                shop.next_piece += 1;
                (shop.next_piece, Piece::new(text.as_bytes()))
            })
        });
        let pieces = pieces.collect();
        shop.kept.insert(id, Kept { revision, pieces, sums });
    }

    fn assemble(&self, shop: &mut Workshop, leaves: &[LeafId], choice: &Choice, (narrowed, now): (bool, At)) -> Page {
        let mut frames = HashMap::new();
        let mut families = Vec::new();
        for (nth, family) in wanted(choice).enumerate() {
            families.push(family_page(shop, leaves, (nth, family), &mut frames));
        }
        shop.frames = frames;
        let mut sums = Sums::default();
        for leaf in leaves {
            if let Some(kept) = shop.kept.get(leaf) {
                sums.join(&kept.sums);
            }
        }
        let mut small = String::new();
        render_sums(&mut small, &sums, read(&self.world).rules(), &shop.dynamic);
        let (small, held) = (Piece::new(small.as_bytes()), held(&sums));
        Page { families, small, held, narrowed, made_at: now }
    }
}

/// Tokens of each collector; a collector's slot for its own findings is none.
fn held(sums: &Sums) -> BTreeMap<CollectorId, usize> {
    let mut held = BTreeMap::new();
    for ((collector, _), count) in &sums.states {
        *held.entry(collector.clone()).or_default() += *count as usize;
    }
    held
}

/// Whether a piece was made from this text.
fn is_of(piece: &Piece, text: &str) -> bool {
    piece.len == text.len() as u64 && piece.crc == Piece::checksum(text.as_bytes())
}

fn family_page(
    shop: &Workshop,
    leaves: &[LeafId],
    (nth, family): (usize, &Family),
    frames: &mut HashMap<(usize, Vec<u64>), Piece>,
) -> FamilyPage {
    let mut made = Vec::new();
    for group in leaves.chunks(LEAVES_A_FRAME) {
        let pieces: Vec<&(u64, Piece)> =
            group.iter().filter_map(|leaf| shop.kept.get(leaf)).filter_map(|kept| kept.pieces.get(nth)).collect();
        let key = (nth, pieces.iter().map(|(number, _)| *number).collect::<Vec<_>>());
        let kept = shop.frames.get(&key).cloned();
        let frame = kept.unwrap_or_else(|| Piece::join(pieces.iter().map(|(_, piece)| piece)));
        frames.insert(key, frame.clone());
        made.push(frame);
    }
    // A family without a sample has no header either: an empty family is noise to its readers.
    let any = made.iter().any(|frame| frame.len > 0);
    let mut text = String::new();
    if any {
        header(&mut text, family.name, "gauge", family.help);
    }
    FamilyPage { header: Piece::new(text.as_bytes()), frames: made }
}
