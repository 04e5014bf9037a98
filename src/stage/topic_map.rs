//! Something per topic, found fast when records of one topic follow each other.

use std::collections::HashMap;

/// Values by topic name, numbered from 0 in the order in which they came.
#[derive(Debug)]
pub(crate) struct TopicMap<T> {
    by_name: HashMap<Box<str>, usize>,
    topics: Vec<(Box<str>, T)>,
    last: usize,
}

impl<T> Default for TopicMap<T> {
    fn default() -> Self {
        Self { by_name: HashMap::new(), topics: Vec::new(), last: 0 }
    }
}

impl<T> TopicMap<T> {
    /// Number of a topic that is known.
    pub(crate) fn number(&mut self, name: &str) -> Option<usize> {
        if self.topics.get(self.last).is_none_or(|(last, _)| **last != *name) {
            self.last = *self.by_name.get(name)?;
        }
        Some(self.last)
    }

    /// Adds a topic that is not known.
    pub(crate) fn add(&mut self, name: &str, value: T) -> usize {
        self.last = self.topics.len();
        self.by_name.insert(name.into(), self.last);
        self.topics.push((name.into(), value));
        self.last
    }

    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.topics.get(number).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.topics.get_mut(number).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.topics.iter().map(|(name, value)| (&**name, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.topics.iter_mut().map(|(name, value)| (&**name, value))
    }
}

impl<T: Default> TopicMap<T> {
    #[expect(clippy::indexing_slicing, reason = "the number is that of a topic; none ever goes")]
    pub(crate) fn get_or_default(&mut self, name: &str) -> &mut T {
        let number = match self.number(name) {
            Some(number) => number,
            None => self.add(name, T::default()),
        };
        let (_, value) = &mut self.topics[number];
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_keeps_its_own_value() {
        let mut map = TopicMap::<u32>::default();
        for name in ["a", "b", "a", "a", "b", "c"] {
            *map.get_or_default(name) += 1;
        }
        let all: Vec<_> = map.iter().map(|(name, value)| (name, *value)).collect();
        assert_eq!(all, [("a", 3), ("b", 2), ("c", 1)]);
        assert_eq!(map.number("d"), None);
        assert_eq!(map.number("b"), Some(1));
        assert_eq!(map.get(1), Some(&2));
    }
}
