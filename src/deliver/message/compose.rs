//! The parts of a message, in their fixed order.
