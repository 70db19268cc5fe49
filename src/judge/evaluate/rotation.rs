//! What follows from a schedule and from older generations (semantics 5, 1.9).
