//! References → secrets for every plug-in, read at use.
