//! One collector: its timer, its pace, its walks, and the wishes that come back from the keeper.
