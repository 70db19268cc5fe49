//! 500 to 1,000 slots as columns and one run of keys; unseen outside this room.
