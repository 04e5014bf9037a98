//! The rows of a file through `COPY … FROM STDIN`.

use crate::load::catalog::column_list;
use crate::load::error::LoadError;
use crate::load::report::{LoadEvent, LoadObserver, Pass};
use crate::load::rows::{CHUNKS_WAITING_MAX, Chunk, Rows};
use bytes::Bytes;
use futures_util::SinkExt as _;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_postgres::Transaction;

/// Why a copy failed: the file, or what the server made of it.
#[derive(Debug)]
pub(super) enum CopyError {
    File(LoadError),
    Server(tokio_postgres::Error),
}

/// Copies every row into `table` (quoted already); how many there were.
pub(super) async fn copy(
    sql: &Transaction<'_>,
    table: &str,
    rows: &Arc<Rows>,
    observer: &mut dyn LoadObserver,
) -> Result<u64, CopyError> {
    let statement = format!("COPY {table} ({}) FROM STDIN", column_list("", rows.columns()));
    let sink = sql.copy_in::<_, Bytes>(&statement).await.map_err(CopyError::Server)?;
    let mut sink = pin!(sink);
    let (sender, mut chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    let reading = Arc::clone(rows);
    let reader = tokio::task::spawn_blocking(move || reading.send(&sender));
    let mut failed = None;
    while let Some(chunk) = chunks.recv().await {
        observer.on(progress(rows, &chunk, Pass::Copy));
        if let Err(error) = sink.feed(chunk.copy).await {
            failed = Some(error);
            break;
        }
    }
    drop(chunks);
    // Without `finish` the sink tells the server on drop that the copy failed.
    joined(reader.await).map_err(CopyError::File)?;
    match failed {
        Some(error) => Err(CopyError::Server(error)),
        None => sink.finish().await.map_err(CopyError::Server),
    }
}

/// Runs a pass over the file that sends nothing.
pub(super) async fn pass<T: Send + 'static>(
    rows: &Arc<Rows>,
    observer: &mut dyn LoadObserver,
    work: impl FnOnce(&Rows, &mpsc::Sender<Chunk>) -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let (sender, mut chunks) = mpsc::channel(CHUNKS_WAITING_MAX);
    let reading = Arc::clone(rows);
    let reader = tokio::task::spawn_blocking(move || work(&reading, &sender));
    while let Some(chunk) = chunks.recv().await {
        observer.on(progress(rows, &chunk, Pass::Types));
    }
    joined(reader.await)
}

fn progress<'a>(rows: &'a Rows, chunk: &Chunk, pass: Pass) -> LoadEvent<'a> {
    LoadEvent::Progress { table: &rows.file.table, bytes: chunk.bytes, rows: chunk.rows, pass }
}

/// The task's result; its panic, if it had one, goes on here.
fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
