//! too_long_lived, over_scoped, unmanaged, unowned.
