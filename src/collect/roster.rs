//! Which pollers live; hands a reloaded collector to the poller that survives.
