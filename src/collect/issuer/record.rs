//! Pure: raw fields → a Record: times, sentinels, key, name.
