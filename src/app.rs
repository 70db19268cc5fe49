//! Builds every part in one straight list and spawns it; swaps the Setup on reload.
