//! Rate, concurrency, Retry-After and backoff towards one issuer.
