//! Tables and their migrations: each entry brings the file from version n to n + 1; entries are never changed, only added.

/// Marks a file as ours (`PRAGMA application_id`): "fwrn".
pub const APPLICATION: i32 = 0x6677_726e;

/// Times are seconds since 1970, ids hexadecimal, `facts` JSON of the whole thing. Slots and generations stand in key
/// order, so that a listing written in key order is appended.
pub const MIGRATIONS: [&str; 1] = ["
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE slots (
    collector TEXT NOT NULL, slot TEXT NOT NULL, label TEXT NOT NULL, origin TEXT NOT NULL, person INTEGER NOT NULL,
    place_path TEXT NOT NULL, name TEXT NOT NULL, owner TEXT, facts TEXT, first_seen INTEGER NOT NULL,
    listing TEXT NOT NULL, flow TEXT, observed INTEGER NOT NULL, scheduled_since INTEGER, turned_back TEXT,
    rotated_at INTEGER,
    PRIMARY KEY (collector, slot)
) WITHOUT ROWID;

CREATE TABLE generations (
    collector TEXT NOT NULL, slot TEXT NOT NULL, nth INTEGER NOT NULL, id TEXT NOT NULL, issued INTEGER,
    first_seen INTEGER NOT NULL, starts INTEGER, expiry TEXT NOT NULL, expires INTEGER, late INTEGER,
    hard_stop INTEGER, period INTEGER, granted INTEGER, renewable INTEGER NOT NULL, renewed INTEGER,
    moved_later INTEGER NOT NULL, used INTEGER, used_within INTEGER, good_sight INTEGER, ended TEXT,
    dead_rounds INTEGER NOT NULL, was_usable INTEGER NOT NULL, doubt TEXT, scopes TEXT, unread_since INTEGER,
    absent_since INTEGER, absent_rounds INTEGER NOT NULL, value TEXT, link TEXT,
    PRIMARY KEY (collector, slot, nth)
) WITHOUT ROWID;

CREATE TABLE collectors (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE channels (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE episodes (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, kind TEXT NOT NULL, generation TEXT NOT NULL, nth INTEGER NOT NULL,
    closed_at INTEGER, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX episodes_of ON episodes (subject, kind, generation, nth);

CREATE TABLE intents (
    key TEXT PRIMARY KEY, episode TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, intent TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, severity TEXT NOT NULL,
    notify_at INTEGER NOT NULL, deadline INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL, last_class TEXT, ambiguous INTEGER NOT NULL, fence INTEGER NOT NULL,
    fell_back INTEGER NOT NULL,
    episode TEXT NOT NULL, seq INTEGER NOT NULL, done INTEGER NOT NULL, lease_until INTEGER, parcel TEXT,
    evidence TEXT, changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX deliveries_waiting ON deliveries (channel, recipient, notify_at) WHERE done = 0;
CREATE INDEX deliveries_of ON deliveries (episode, channel, recipient, seq);
CREATE INDEX deliveries_by_intent ON deliveries (intent);

CREATE TABLE bodies (parcel TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE told (
    episode TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL,
    PRIMARY KEY (episode, channel, recipient)
) WITHOUT ROWID;
"];

/// The version that this program writes.
pub const VERSION: i32 = MIGRATIONS.len() as i32;
