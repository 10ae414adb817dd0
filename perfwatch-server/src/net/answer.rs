//! How long a client may take to read an answer.
//!
//! The kernel gives up a client that reads nothing, but not one that reads a byte now and then. So
//! the time of an answer runs from its beginning until its body has ended and all of it has been
//! handed to the kernel; only the connection knows both.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout_at},
};

/// When the answer that a connection sends must have been taken.
#[derive(Clone)]
pub(super) struct Deadline {
    patience: Duration,
    answer: Arc<watch::Sender<Answer>>,
}

/// What is known of the answer being sent.
#[derive(Default)]
struct Answer {
    /// Its body has not ended.
    open: bool,
    /// Nothing while no answer is being sent.
    until: Option<Instant>,
}

impl Deadline {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, answer: Arc::default() }
    }

    /// Starts the time of an answer with this body.
    pub(super) fn watch(self, body: Body) -> Watched {
        self.answer.send_modify(|answer| {
            answer.open = true;
            // A client that asks again before it has read gains no time by it.
            answer.until.get_or_insert_with(|| Instant::now() + self.patience);
        });
        Watched { body, deadline: self }
    }

    /// All that was written so far is with the kernel.
    fn flushed(&self) {
        let whole = |answer: &mut Answer| !answer.open && answer.until.take().is_some();
        self.answer.send_if_modified(whole);
    }

    /// Ends when an answer has not been taken in time.
    pub(super) async fn missed(&self) {
        let mut answer = self.answer.subscribe();
        loop {
            let until = answer.borrow_and_update().until;
            let changed = answer.changed();
            // There is a sender as long as there is a deadline.
            match until {
                None => drop(changed.await),
                Some(until) if timeout_at(until, changed).await.is_err() => return,
                Some(_) => {}
            }
        }
    }
}

/// An answer's body that tells when it has ended.
pub(super) struct Watched {
    body: Body,
    deadline: Deadline,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.deadline.answer.send_modify(|answer| answer.open = false);
    }
}

/// A stream that tells when all that was written is with the kernel: hyper flushes it then.
pub(super) struct Flushed {
    stream: TcpStream,
    deadline: Deadline,
}

impl Flushed {
    pub(super) fn new(stream: TcpStream, deadline: Deadline) -> Self {
        Self { stream, deadline }
    }
}

impl AsyncRead for Flushed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Flushed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.deadline.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
