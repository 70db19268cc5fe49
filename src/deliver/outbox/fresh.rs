//! Pure: is it still true, and merged with what?
