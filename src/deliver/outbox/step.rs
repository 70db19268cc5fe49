//! Pure: an outcome → the next state, backoff, breaker.
