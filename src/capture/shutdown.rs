//! SIGINT and SIGTERM: the first asks for an orderly stop, the second ends the process.

use tokio::sync::watch;

/// Says whether a stop was asked for.
#[derive(Debug, Clone)]
pub struct Shutdown {
    asked: watch::Receiver<bool>,
}

impl Shutdown {
    /// Listens for SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    ///
    /// When the signal handlers cannot be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            let mut seen = false;
            loop {
                let status = tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = terminate.recv() => 143,
                };
                if std::mem::replace(&mut seen, true) {
                    std::process::exit(status);
                }
                ask.send_replace(true);
            }
        });
        Ok(Self { asked })
    }

    /// Never asks; for tests.
    #[must_use]
    pub fn never() -> Self {
        Self { asked: watch::channel(false).1 }
    }

    /// True once a stop was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until a stop is asked for. Dropping the future loses nothing.
    pub async fn asked(&mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
