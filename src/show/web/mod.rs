//! The web surface: router and state.
