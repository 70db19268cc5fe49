//! The single writer: mailbox → World::decide → Store::commit → World::apply → ring.
