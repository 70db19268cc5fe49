//! Pure: an answer → its meaning, items, cursor and raw records.
