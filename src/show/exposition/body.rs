//! A scrape's answer: gzip as header, ready frames, live part and trailer; or plain, the same
//! frames inflated one by one while they are sent. Nothing is compressed but the live part.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::piece::{GZIP_HEADER, Piece, Sum, trailer};
use super::{Exposition, Page};

/// What the reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// From `Accept-Encoding` (RFC 9110 12.5.3): gzip unless it is refused by `q=0`.
    pub fn of(accept: Option<&str>) -> Self {
        let takes = accept.unwrap_or("").split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            let name = words.next().unwrap_or("");
            let refused = words.any(|word| {
                let value = word.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
                value == Some(0.0)
            });
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
        });
        if takes { Encoding::Gzip } else { Encoding::Plain }
    }
}

/// The body of one answer: what is left of it, and how many bytes that is.
pub struct PageBody {
    parts: VecDeque<Part>,
    left: u64,
}

enum Part {
    Ready(Bytes),
    /// Sent plain: inflated when its turn comes, so that a slow reader holds one frame and no lock.
    Deflated(Piece),
}

impl PageBody {
    /// `live` is the part that is rendered for each scrape.
    pub fn new(exposition: &Exposition, live: String, encoding: Encoding) -> Self {
        let page = exposition.page();
        match encoding {
            Encoding::Gzip => Self::gzip(&page, &live),
            Encoding::Plain => Self::plain(&page, live),
        }
    }

    fn gzip(page: &Page, live: &str) -> Self {
        let mut sum = Sum::default();
        let mut parts = VecDeque::from([Part::Ready(Bytes::from_static(GZIP_HEADER))]);
        let live = Piece::new(live.as_bytes());
        for piece in page.pieces().chain([&live]) {
            parts.push_back(Part::Ready(piece.deflated.clone()));
            sum.add(piece);
        }
        parts.push_back(Part::Ready(trailer(sum)));
        Self::of(parts)
    }

    fn plain(page: &Page, live: String) -> Self {
        let deflated = page.pieces().cloned().map(Part::Deflated);
        Self::of(deflated.chain([Part::Ready(live.into())]).collect())
    }

    fn of(parts: VecDeque<Part>) -> Self {
        let left = parts.iter().map(Part::len).sum();
        Self { parts, left }
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Part::Ready(bytes) => bytes.len() as u64,
            Part::Deflated(piece) => piece.len,
        }
    }
    fn bytes(self) -> Bytes {
        match self {
            Part::Ready(bytes) => bytes,
            Part::Deflated(piece) => piece.plain(),
        }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while let Some(part) = self.parts.pop_front() {
            self.left -= part.len();
            if part.len() > 0 {
                return Poll::Ready(Some(Ok(Frame::data(part.bytes()))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_only_where_it_is_taken() {
        for (accept, takes) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("deflate, gzip;q=1.0"), true),
            (Some("gzip;q=0"), false),
            (Some("*"), true),
            (Some("identity"), false),
        ] {
            assert_eq!(Encoding::of(accept) == Encoding::Gzip, takes, "{accept:?}");
        }
    }
}
