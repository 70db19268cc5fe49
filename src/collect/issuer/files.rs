//! Offline origin: certificates and JWTs in files and globs.
