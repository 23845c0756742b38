//! A request's body that tells when the connection waits for more of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::capacity::Standing;

/// A body as it comes in.
pub(super) struct Awaited {
    inner: Incoming,
    standing: Arc<Standing>,
}

impl Awaited {
    pub(super) fn new(inner: Incoming, standing: Arc<Standing>) -> Self {
        Self { inner, standing }
    }
}

impl Body for Awaited {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if polled.is_pending() {
            self.standing.waits_on();
        } else {
            self.standing.works();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
