//! Pure: what to ask next, what is in flight, what share is read.
