//! collector_failing and channel_failing.
