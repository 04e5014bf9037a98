//! Notifications: how snapshots go, to the log and to a topic.

use super::ids::random_uuid;
use super::now_ns;
use crate::capture::outlet::Outlet;
use crate::config::Config;
use crate::engine::Engine;
use crate::envelope::{Aggregate, Notification, NotificationEncoder};
use crate::error::Error;

/// Where notifications go.
pub(crate) struct Notifier {
    encoder: Option<NotificationEncoder>,
    logs: bool,
    connector: String,
    topic_is_made: bool,
}

impl Notifier {
    pub(in crate::capture) fn new(config: &Config) -> Self {
        let topic = config.notifications.sink_topic.as_deref();
        Self {
            encoder: topic.map(|topic| NotificationEncoder::new(topic, &config.envelope)),
            logs: config.notifications.log,
            connector: config.envelope.topic_prefix.clone(),
            topic_is_made: false,
        }
    }

    /// Makes the topic, before the first notification.
    pub(in crate::capture) async fn prepare(&mut self, outlet: &mut Outlet) -> Result<(), Error> {
        if let Some(encoder) = self.encoder.as_ref().filter(|_| !self.topic_is_made) {
            outlet.ensure_topics(std::slice::from_ref(encoder.topic())).await?;
            self.topic_is_made = true;
        }
        Ok(())
    }

    /// Tells of the first snapshot, or a blocking one.
    pub(in crate::capture) fn initial(
        &self,
        engine: &mut Engine,
        outlet: &mut Outlet,
        kind: &'static str,
        data: &[(&'static str, String)],
    ) {
        if self.encoder.is_some() || self.logs {
            self.send(engine, outlet, Aggregate::Initial, random_uuid(), kind, data);
        }
    }

    /// Tells of an incremental snapshot; `id` is that of the signal.
    pub(super) fn incremental(
        &self,
        engine: &mut Engine,
        outlet: &mut Outlet,
        id: &str,
        kind: &'static str,
        data: &[(&'static str, String)],
    ) {
        if self.encoder.is_some() || self.logs {
            let id = if id.is_empty() { random_uuid() } else { id.to_owned() };
            self.send(engine, outlet, Aggregate::Incremental, id, kind, data);
        }
    }

    fn send(
        &self,
        engine: &mut Engine,
        outlet: &mut Outlet,
        aggregate: Aggregate,
        id: String,
        kind: &'static str,
        data: &[(&'static str, String)],
    ) {
        let now_ns = now_ns();
        let mut members = data.to_vec();
        // The order in which Java's hash map has these names.
        let first = ["current_collection_in_progress", "scanned_collection"];
        let place = members.iter().take_while(|(name, _)| first.contains(name)).count();
        members.insert(place, ("connector_name", self.connector.clone()));
        let notification = Notification {
            id,
            aggregate,
            kind,
            data: members,
            timestamp_ms: now_ns.div_euclid(1_000_000),
        };
        if self.logs {
            let data: Vec<String> =
                notification.data.iter().map(|(name, value)| format!("{name}={value}")).collect();
            tracing::info!(
                id = notification.id,
                aggregate = aggregate.as_str(),
                kind,
                data = data.join(" "),
                "notification"
            );
        }
        if let Some(encoder) = &self.encoder {
            engine.set_now(now_ns);
            engine.on_notification(encoder, &notification, &mut |record| outlet.take(record));
        }
    }
}
