//! Times and spans for people.
