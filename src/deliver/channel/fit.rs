//! Cut and escape to the limits of a channel; never inside a character or an entity.
