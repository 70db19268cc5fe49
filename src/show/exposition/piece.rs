//! A piece: one leaf of one family as raw deflate, ended by a sync flush, so that pieces join into one gzip member
//! (RFC 1951, RFC 1952). Several members in one body would break curl and wget.

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Level 2: the most saved per second of a core.
const LEVEL: u32 = 2;

/// Plain text, deflated; `crc` and `len` are of the plain text.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub deflated: Bytes,
    pub crc: u32,
    pub len: u64,
}

impl Piece {
    /// Deflates text; empty text is an empty piece.
    pub fn new(plain: &[u8]) -> Self {
        if plain.is_empty() {
            return Self::default();
        }
        Self { deflated: deflate(plain), crc: crc32fast::hash(plain), len: plain.len() as u64 }
    }

    /// Checksum of plain text, to see whether a piece is of it.
    pub fn checksum(plain: &[u8]) -> u32 {
        if plain.is_empty() { 0 } else { crc32fast::hash(plain) }
    }

    /// The plain text again: exactly what readers of the gzip page get.
    pub fn plain(&self) -> Bytes {
        let mut out = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
        // What was deflated here inflates; room for all of it is there.
        let _ = Decompress::new(false).decompress_vec(&self.deflated, &mut out, FlushDecompress::Sync);
        out.into()
    }

    /// Several pieces as one, in order; their bytes are copied into one buffer.
    pub fn join<'p>(pieces: impl Iterator<Item = &'p Piece>) -> Self {
        let mut sum = Sum::default();
        let mut bytes = BytesMut::new();
        for piece in pieces {
            bytes.extend_from_slice(&piece.deflated);
            sum.add(piece);
        }
        Self { deflated: bytes.freeze(), crc: sum.crc, len: sum.len }
    }
}

fn deflate(plain: &[u8]) -> Bytes {
    let mut deflater = Compress::new(Compression::new(LEVEL), false);
    let mut out = Vec::with_capacity(plain.len() / 8 + 64);
    let mut rest = plain;
    loop {
        if out.capacity() - out.len() < 64 {
            out.reserve(out.len().max(1024));
        }
        let before = deflater.total_in();
        let room = out.capacity() - out.len();
        let status = deflater.compress_vec(rest, &mut out, FlushCompress::Sync);
        rest = &rest[usize::try_from(deflater.total_in() - before).unwrap_or(rest.len()).min(rest.len())..];
        let full = out.capacity() == out.len() || out.len() + 6 > out.capacity() && room < 64;
        match status {
            Ok(Status::Ok | Status::BufError) if !rest.is_empty() || full => continue,
            _ => break,
        }
    }
    out.shrink_to_fit();
    out.into()
}

/// Checksum and length of pieces put one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub crc: u32,
    pub len: u64,
}

impl Sum {
    pub fn add(&mut self, piece: &Piece) {
        let mut left = crc32fast::Hasher::new_with_initial_len(self.crc, self.len);
        left.combine(&crc32fast::Hasher::new_with_initial_len(piece.crc, piece.len));
        self.crc = left.finalize();
        self.len += piece.len;
    }
}

/// The ten bytes that open a gzip member: deflate, no name, no time, unknown system.
pub const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// What closes it: an empty final block, checksum, length modulo 2^32.
pub fn trailer(sum: Sum) -> Bytes {
    let mut end = BytesMut::with_capacity(10);
    end.extend_from_slice(&[0x03, 0x00]);
    end.extend_from_slice(&sum.crc.to_le_bytes());
    end.extend_from_slice(&((sum.len & 0xffff_ffff) as u32).to_le_bytes());
    end.freeze()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn member(pieces: &[Piece]) -> Vec<u8> {
        let mut sum = Sum::default();
        let mut out = GZIP_HEADER.to_vec();
        for piece in pieces {
            out.extend_from_slice(&piece.deflated);
            sum.add(piece);
        }
        out.extend_from_slice(&trailer(sum));
        out
    }

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        // The one-member reader: it would stop at the first member of several.
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    }

    proptest! {
        #[test]
        fn pieces_read_as_one_member(texts in proptest::collection::vec(".{0,4000}", 0..8)) {
            let pieces: Vec<Piece> = texts.iter().map(|text| Piece::new(text.as_bytes())).collect();
            prop_assert_eq!(inflate(&member(&pieces)), texts.concat().into_bytes());
            let joined = Piece::join(pieces.iter());
            prop_assert_eq!(joined.plain(), texts.concat().into_bytes());
            prop_assert_eq!(inflate(&member(&[joined])), texts.concat().into_bytes());
        }
    }

    #[test]
    fn large_and_incompressible_text_survives() {
        let mut state = 1u32;
        let noise: Vec<u8> = (0..3_000_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        assert_eq!(inflate(&member(&[Piece::new(&noise)])), noise);
        assert_eq!(Piece::new(&noise).plain(), noise);
    }
}
