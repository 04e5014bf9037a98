//! Logical decoding messages: on their own, or as events of their transaction.

use super::EngineError;
use super::Step;
use super::position::Processed;
use super::transaction::EventNumbers;
use super::{Emit, Engine};
use crate::envelope::EnvelopeOptions;
use crate::envelope::EventContext;
use crate::envelope::LogicalMessageEncoder;
use crate::envelope::SnapshotMarker;
use crate::envelope::SourceContext;
use crate::envelope::TransactionBlock;
use crate::lsn::Lsn;
use crate::pgoutput::LogicalMessage;
use crate::relation::MessageFilter;
use crate::value::ValueOptions;

/// What messages need, whichever they are.
#[derive(Debug)]
pub(super) struct Messages {
    encoder: LogicalMessageEncoder,
    filter: MessageFilter,
    topic_is_made: bool,
}

impl Messages {
    pub(super) fn new(options: &EnvelopeOptions, values: &ValueOptions) -> Self {
        Self {
            encoder: LogicalMessageEncoder::new(options, values),
            filter: MessageFilter::default(),
            topic_is_made: false,
        }
    }
}

impl EventNumbers<'_> {
    /// Debezium counts each message as a collection of its own; its name there is Java's text of
    /// an object, so ours is another.
    fn next_message(&mut self) -> TransactionBlock {
        self.open.counts.push(("message".into(), 1));
        self.block(1)
    }
}

impl Engine {
    /// Sets which prefixes of logical messages are captured; all of them without this.
    pub fn filter_messages(&mut self, filter: MessageFilter) {
        self.messages.filter = filter;
    }

    /// Answers [`Step::NeedsTopic`].
    pub fn topic_made(&mut self) {
        self.messages.topic_is_made = true;
    }

    /// Whether a message outside of transactions was sent before. The stream begins again at the
    /// message that came last, and such messages stand in the order of commits: one that comes
    /// before the rest of a transaction that was cut off came before its beginning, too.
    fn was_sent(&self, lsn: Lsn) -> bool {
        self.interrupted.is_some() || self.last_message.is_some_and(|last| lsn <= last)
    }

    /// A message of a transaction is one of its changes. One outside of any transaction's fate is
    /// sent by the server as soon as it is read from the WAL, always between two transactions; it
    /// carries the clock of the transaction before, and counts as a commit of its own.
    pub(super) fn on_logical_message(
        &mut self,
        lsn: Lsn,
        message: &LogicalMessage<'_>,
        emit: &mut Emit<'_>,
    ) -> Result<Step, EngineError> {
        if message.transactional != self.transaction.is_some() {
            let what = "logical message on the wrong side of a transaction's bounds";
            return Err(EngineError::Unexpected { lsn, what });
        }
        if !message.transactional && self.was_sent(lsn) {
            return Ok(Step::Done);
        }
        let wanted = self.messages.filter.matches(message.prefix);
        if wanted && !self.messages.topic_is_made {
            return Ok(Step::NeedsTopic(self.messages.encoder.topic().clone()));
        }
        self.counters.changes += 1;
        let encoder = &self.messages.encoder;
        let now_ns = self.out.now_ns;
        if let Some(open) = &mut self.transaction {
            let sent_before = open.advance(lsn, Processed::Message);
            open.source.lsn = lsn;
            if !wanted {
                return Ok(Step::Done);
            }
            let mut events = EventNumbers { open, lsn, table: None };
            let transaction = self.options.transaction_metadata.then(|| events.next_message());
            let context = EventContext { source: &open.source, transaction, now_ns };
            if !sent_before {
                self.out.send_message(encoder, message, context, emit);
            }
            return Ok(Step::Done);
        }
        self.last_commit_lsn = Some(lsn);
        self.last_message = Some(lsn);
        self.last_xid = None;
        if wanted {
            let source = SourceContext {
                ts_us: self.clock_us.unwrap_or(now_ns.div_euclid(1000)),
                snapshot: SnapshotMarker::False,
                last_commit_lsn: Some(lsn),
                lsn,
                tx_id: None,
                xmin: self.xmin,
                origin: None,
            };
            let context = EventContext { source: &source, transaction: None, now_ns };
            self.out.send_message(encoder, message, context, emit);
        }
        self.mark(lsn);
        Ok(Step::Done)
    }
}
