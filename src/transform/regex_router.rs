//! `org.apache.kafka.connect.transforms.RegexRouter`: another topic by regular expression.

use super::error::SettingError;
use super::event::Event;
use super::options::Options;
use super::pattern::rewrite;
use crate::relation::Rewrite;

#[derive(Debug)]
pub(super) struct RegexRouter(Rewrite);

impl RegexRouter {
    pub(super) fn new(options: &mut Options<'_>) -> Result<Self, SettingError> {
        let keys = (options.key("regex"), options.key("replacement"));
        let regex = options.required("regex")?;
        // An empty one takes away what matched.
        let replacement = options.raw("replacement");
        let replacement =
            replacement.ok_or_else(|| SettingError::Missing { key: keys.1.clone() })?;
        Ok(Self(rewrite((&keys.0, &keys.1), regex, replacement)?))
    }

    pub(super) fn apply(&self, event: &mut Event<'_>) {
        if let Some(topic) = self.0.apply(&event.topic)
            && *topic != *event.topic
        {
            event.topic = topic.into();
        }
    }
}
