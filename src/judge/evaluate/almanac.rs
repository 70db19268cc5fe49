//! Memo of cron occurrences per schedule and day; pure, droppable at any time.

/// Droppable memory of occurrences.
#[derive(Debug, Default)]
pub struct Almanac {
    _private: (),
}
