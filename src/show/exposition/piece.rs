//! One leaf of one family, deflated.
