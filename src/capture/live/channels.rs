//! Signals from a file and from a Kafka topic, each read by a task of its own.

use super::Sent;
use crate::config::{Config, KafkaSignals};
use crate::control;
use crate::control::Listener;
use crate::kafka::SignalTopic;
use crate::signal::Signal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Where a channel puts what it has read; it waits while the loop has enough to do.
#[derive(Clone)]
struct Inbox {
    sender: mpsc::Sender<Sent>,
    wake: Arc<Notify>,
}

impl Inbox {
    /// False when nobody takes signals any more.
    async fn put(&self, sent: Sent) -> bool {
        let is_open = self.sender.send(sent).await.is_ok();
        self.wake.notify_one();
        is_open
    }
}

/// Starts the channels that are enabled.
pub(super) fn start(
    config: &Config,
    sender: &mpsc::Sender<Sent>,
    wake: &Arc<Notify>,
    status: &Arc<Mutex<String>>,
) -> Vec<JoinHandle<()>> {
    let signals = &config.signals;
    let inbox = Inbox { sender: sender.clone(), wake: wake.clone() };
    let interval = Duration::from_millis(signals.poll_interval_ms);
    let path = control::socket_path(config);
    let mut tasks = vec![tokio::spawn(listen(path, inbox.clone(), status.clone()))];
    if let Some(path) = signals.file.clone() {
        tasks.push(tokio::spawn(read_file(path, interval, inbox.clone())));
    }
    if let Some(kafka) = signals.kafka.clone() {
        let prefix = config.envelope.topic_prefix.clone();
        tasks.push(tokio::spawn(read_topic(kafka, prefix, interval, inbox)));
    }
    tasks
}

/// Answers whoever speaks to this capture. Without a socket, everything else goes on.
async fn listen(path: PathBuf, inbox: Inbox, status: Arc<Mutex<String>>) {
    let listener = match Listener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            let socket = path.display();
            tracing::warn!(%socket, %error, "minicdc snapshot cannot speak to this capture");
            return;
        }
    };
    let mut count = 0;
    loop {
        let (line, asker) = match listener.next().await {
            Ok(asked) => asked,
            Err(error) => {
                tracing::debug!(%error, "nothing was asked");
                // A socket that fails at once must not keep a processor busy.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if asks_for_status(&line) {
            let text = status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            asker.answer(&text).await;
            continue;
        }
        count += 1;
        let id = format!("control-{}-{count}", std::process::id());
        match Signal::from_json(&line, &id) {
            Ok(signal) => {
                if !inbox.put(Ok(signal)).await {
                    return;
                }
                asker.answer(&format!("asked for, signal {id}")).await;
            }
            Err(error) => asker.answer(&format!("error: {error}")).await,
        }
    }
}

fn asks_for_status(line: &str) -> bool {
    let asked: Option<serde_json::Value> = serde_json::from_str(line).ok();
    asked.is_some_and(|asked| asked["type"] == "status")
}

/// Looks for lines in the file from time to time, and empties it.
async fn read_file(path: PathBuf, interval: Duration, inbox: Inbox) {
    let mut count = 0;
    let mut failed = false;
    loop {
        let lines = match take_lines(&path).await {
            Ok(lines) => {
                failed = false;
                lines
            }
            Err(error) => {
                // Once: it will hardly be any different the next time.
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(file = %path.display(), %error, "signals cannot be read");
                }
                String::new()
            }
        };
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            count += 1;
            if !inbox.put(Signal::from_json(line, &format!("file-{count}"))).await {
                return;
            }
        }
        tokio::time::sleep(interval).await;
    }
}

/// What stands in the file, which is empty afterwards; nothing when there is no file.
async fn take_lines(path: &Path) -> std::io::Result<String> {
    let text = match tokio::fs::read_to_string(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        read => read?,
    };
    if !text.is_empty() {
        tokio::fs::OpenOptions::new().write(true).truncate(true).open(path).await?;
    }
    Ok(text)
}

/// Reads the topic from where its group stands.
async fn read_topic(kafka: KafkaSignals, prefix: String, interval: Duration, inbox: Inbox) {
    let wait = interval.max(Duration::from_millis(100));
    let mut topic = loop {
        match SignalTopic::open(&kafka).await {
            Ok(topic) => break topic,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(topic = kafka.topic, %error, cause, "signals cannot be read");
                tokio::time::sleep(wait).await;
            }
        }
    };
    loop {
        let records = match topic.read(Duration::from_millis(kafka.poll_timeout_ms)).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(topic = kafka.topic, %error, "signals cannot be read");
                Vec::new()
            }
        };
        for record in records {
            let is_ours = record.key.as_deref() == Some(prefix.as_bytes());
            let Some(value) = record.value.filter(|value| is_ours && !value.is_empty()) else {
                tracing::debug!(topic = kafka.topic, offset = record.offset, "signal for others");
                continue;
            };
            let id = format!("{}-{}", kafka.topic, record.offset);
            if !inbox.put(Signal::from_json(&String::from_utf8_lossy(&value), &id)).await {
                return;
            }
        }
        tokio::time::sleep(interval).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Action;

    #[tokio::test]
    async fn file_is_read_line_by_line_and_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signals");
        assert_eq!(take_lines(&path).await.unwrap(), "");
        std::fs::write(&path, "{\"type\":\"pause-snapshot\"}\n\nnonsense\n").unwrap();
        let (sender, mut received) = mpsc::channel(4);
        let inbox = Inbox { sender, wake: Arc::default() };
        let reading = tokio::spawn(read_file(path.clone(), Duration::from_millis(5), inbox));
        let first = received.recv().await.unwrap().unwrap();
        assert_eq!((first.id.as_str(), first.action), ("file-1", Action::Pause));
        assert!(received.recv().await.unwrap().is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        std::fs::write(&path, "{\"id\":\"x\",\"type\":\"resume-snapshot\"}").unwrap();
        assert_eq!(received.recv().await.unwrap().unwrap().action, Action::Resume);
        drop(received);
        std::fs::write(&path, "{\"id\":\"y\",\"type\":\"resume-snapshot\"}").unwrap();
        reading.await.unwrap();
    }
}
