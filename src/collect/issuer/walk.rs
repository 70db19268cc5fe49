//! IO: the loop of one walk.
