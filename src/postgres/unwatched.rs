//! A non-blocking socket that the runtime watches only while someone waits for it.
//!
//! The runtime's own sockets stay in its poller, which wakes a thread for every segment that comes
//! in, also while nobody wants to read yet: 38 wake-ups for each read of a bulk stream, paid for by
//! the sender's side of the kernel too. This one is tried first, watched when there is nothing, and
//! [`unwatch`](Unwatched::unwatch) takes it out again before a pause.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A socket of the runtime that can leave its poller and come back.
pub(super) trait Watched: AsyncRead + AsyncWrite + Unpin + Sized {
    /// The same socket outside of the poller.
    type Idle: Read + Write + Unpin;

    /// Takes it out.
    fn leave(self) -> io::Result<Self::Idle>;

    /// Puts it back.
    fn enter(idle: Self::Idle) -> io::Result<Self>;
}

impl Watched for TcpStream {
    type Idle = std::net::TcpStream;

    fn leave(self) -> io::Result<Self::Idle> {
        self.into_std()
    }

    fn enter(idle: Self::Idle) -> io::Result<Self> {
        Self::from_std(idle)
    }
}

impl Watched for UnixStream {
    type Idle = std::os::unix::net::UnixStream;

    fn leave(self) -> io::Result<Self::Idle> {
        self.into_std()
    }

    fn enter(idle: Self::Idle) -> io::Result<Self> {
        Self::from_std(idle)
    }
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Unwatched<W: Watched>(State<W, W::Idle>);

#[derive(Debug)]
enum State<W, I> {
    Watched(W),
    Idle(I),
    /// The runtime refused it; the connection is lost.
    Gone,
}

impl<W: Watched> Unwatched<W> {
    /// Takes over a connected socket.
    pub(super) const fn new(socket: W) -> Self {
        Self(State::Watched(socket))
    }

    /// Wakes nobody from now on, until a read or a write has to wait again.
    pub(super) fn unwatch(&mut self) {
        self.0 = match std::mem::replace(&mut self.0, State::Gone) {
            State::Watched(socket) => socket.leave().map_or(State::Gone, State::Idle),
            other => other,
        };
    }

    /// What an idle socket does at once; `None` when that has to wait, in the poller.
    fn at_once<T>(
        &mut self,
        attempt: impl FnOnce(&mut W::Idle) -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        let State::Idle(socket) = &mut self.0 else { return None };
        match attempt(socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            done => Some(done),
        }
    }

    /// The socket in the poller.
    fn watched(&mut self) -> io::Result<Pin<&mut W>> {
        self.0 = match std::mem::replace(&mut self.0, State::Gone) {
            State::Idle(socket) => State::Watched(W::enter(socket)?),
            other => other,
        };
        match &mut self.0 {
            State::Watched(socket) => Ok(Pin::new(socket)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<W: Watched> AsyncRead for Unwatched<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.at_once(|socket| socket.read(buf.initialize_unfilled())) {
            Some(read) => {
                buf.advance(read?);
                Poll::Ready(Ok(()))
            }
            None => this.watched()?.poll_read(cx, buf),
        }
    }
}

impl<W: Watched> AsyncWrite for Unwatched<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.at_once(|socket| socket.write(buf)) {
            Some(written) => Poll::Ready(written),
            None => this.watched()?.poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Outside of the poller nothing is buffered.
        match &mut self.get_mut().0 {
            State::Watched(socket) => Pin::new(socket).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().watched()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn pair() -> (Unwatched<UnixStream>, std::os::unix::net::UnixStream) {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut ours = Unwatched::new(UnixStream::from_std(ours).unwrap());
        ours.unwatch();
        (ours, theirs)
    }

    #[tokio::test]
    async fn what_is_there_is_read_without_a_registration() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(b"here").unwrap();
        let mut read = [0; 4];
        ours.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"here");
        assert!(matches!(ours.0, State::Idle(_)));
    }

    #[tokio::test]
    async fn waiting_read_is_woken_again_and_again() {
        let (mut ours, mut theirs) = pair();
        let writer = std::thread::spawn(move || {
            for byte in 0..200 {
                std::thread::sleep(Duration::from_micros(u64::from(byte) % 3 * 100));
                theirs.write_all(&[byte]).unwrap();
            }
        });
        for byte in 0..200 {
            assert_eq!(ours.read_u8().await.unwrap(), byte);
            if byte % 7 < 3 {
                ours.unwatch();
            }
        }
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn cancelled_read_loses_nothing() {
        let (mut ours, mut theirs) = pair();
        let waited = tokio::time::timeout(Duration::from_millis(1), ours.read_u8()).await;
        assert!(waited.is_err());
        theirs.write_all(&[7]).unwrap();
        assert_eq!(ours.read_u8().await.unwrap(), 7);
    }

    #[tokio::test]
    async fn full_socket_makes_a_write_wait_until_the_peer_reads() {
        let (mut ours, mut theirs) = pair();
        let sent = vec![42; 4 * 1024 * 1024];
        let expected = sent.len();
        let reader = std::thread::spawn(move || {
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            received.len()
        });
        ours.write_all(&sent).await.unwrap();
        ours.shutdown().await.unwrap();
        assert_eq!(reader.join().unwrap(), expected);
    }
}
