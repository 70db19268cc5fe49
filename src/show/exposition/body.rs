//! A scrape's answer: gzip as header, ready frames, live part and trailer; or plain, rendered leaf by leaf while it is
//! sent. Nothing is compressed but the live part.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
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

/// The body of one answer.
pub enum PageBody {
    Ready { frames: VecDeque<Bytes>, left: u64 },
    Rendered { exposition: Arc<Exposition>, steps: VecDeque<Step> },
}

/// One step of a plain page.
pub enum Step {
    Text(Bytes),
    /// A family over some leaves, by their place in the list.
    Leaves {
        family: usize,
        page: Arc<Page>,
        from: usize,
        to: usize,
    },
}

/// Leaves rendered for one frame of a plain page.
const LEAVES_A_FRAME: usize = 2;

impl PageBody {
    /// `live` is the part that is rendered for each scrape.
    pub fn new(exposition: &Arc<Exposition>, live: String, encoding: Encoding) -> Self {
        let page = exposition.page();
        match encoding {
            Encoding::Gzip => Self::gzip(&page, &live),
            Encoding::Plain => Self::plain(exposition, page, live),
        }
    }

    fn gzip(page: &Page, live: &str) -> Self {
        let mut sum = Sum::default();
        let mut frames = VecDeque::from([Bytes::from_static(GZIP_HEADER)]);
        let live = Piece::new(live.as_bytes());
        let ready = page.families.iter().flat_map(|family| std::iter::once(&family.header).chain(&family.frames));
        for piece in ready.chain([&page.small, &live]) {
            if piece.len > 0 {
                frames.push_back(piece.deflated.clone());
                sum.add(piece);
            }
        }
        frames.push_back(trailer(sum));
        let left = frames.iter().map(|frame| frame.len() as u64).sum();
        PageBody::Ready { frames, left }
    }

    fn plain(exposition: &Arc<Exposition>, page: Arc<Page>, live: String) -> Self {
        let mut steps = VecDeque::new();
        for (nth, family) in page.families.iter().enumerate() {
            if family.header.len == 0 {
                continue;
            }
            steps.push_back(Step::Text(family.header_text.clone()));
            for from in (0..page.leaves.len()).step_by(LEAVES_A_FRAME) {
                let to = (from + LEAVES_A_FRAME).min(page.leaves.len());
                steps.push_back(Step::Leaves { family: nth, page: page.clone(), from, to });
            }
        }
        steps.push_back(Step::Text(page.small_text.clone()));
        steps.push_back(Step::Text(live.into()));
        PageBody::Rendered { exposition: exposition.clone(), steps }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut *self {
            PageBody::Ready { frames, left } => frames.pop_front().inspect(|frame| *left -= frame.len() as u64),
            PageBody::Rendered { exposition, steps } => rendered(exposition, steps),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            PageBody::Ready { frames, .. } => frames.is_empty(),
            PageBody::Rendered { steps, .. } => steps.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            PageBody::Ready { left, .. } => SizeHint::with_exact(*left),
            PageBody::Rendered { .. } => SizeHint::default(),
        }
    }
}

/// The next non-empty frame of a plain page.
fn rendered(exposition: &Exposition, steps: &mut VecDeque<Step>) -> Option<Bytes> {
    while let Some(step) = steps.pop_front() {
        let bytes = match step {
            Step::Text(text) => text,
            Step::Leaves { family, page, from, to } => exposition.render(&page, family, &page.leaves[from..to]),
        };
        if !bytes.is_empty() {
            return Some(bytes);
        }
    }
    None
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
