//! Frames, live part and trailer as one gzip member, or plain.
