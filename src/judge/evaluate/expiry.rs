//! What follows from an end: expires_soon, expired, revoked, vanished, unverified, never_expires.
