//! The one CM-6 item that findings of configuration may share in monthly monitoring (`poam.md` 1.3). It is an item like
//! any other: a number that is never used again, and a detection date that never moves. So it lasts as long as anything
//! stands on it without a break, and what begins after a break is another item. Pure.

use chrono::{DateTime, Utc};

/// What the shared item is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// From 1; how many such items there have been.
    pub number: usize,
    /// The earliest detection since the last break.
    pub detected: DateTime<Utc>,
}

impl Shared {
    /// `POAM-CM-6`; `POAM-CM-6-2` after the first break.
    pub fn id(&self) -> String {
        match self.number {
            1 => "POAM-CM-6".to_owned(),
            number => format!("POAM-CM-6-{number}"),
        }
    }
}

/// The item of now, from when each record that shares it was detected and closed (`None`: it lives); no item if none lives.
pub fn shared(
    spans: impl Iterator<Item = (DateTime<Utc>, Option<DateTime<Utc>>)>,
) -> Option<Shared> {
    let mut spans: Vec<_> = spans.collect();
    spans.sort_unstable();
    let mut item: Option<(Shared, Option<DateTime<Utc>>)> = None;
    for (detected, closed) in spans {
        item = Some(match item {
            Some((shared, end)) if end.is_none_or(|end| detected <= end) => {
                let end = end.zip(closed).map(|(end, closed)| end.max(closed));
                (shared, end)
            }
            before => {
                let number = before.map_or(0, |(shared, _)| shared.number) + 1;
                (Shared { number, detected }, closed)
            }
        });
    }
    item.filter(|(_, end)| end.is_none())
        .map(|(shared, _)| shared)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3_600, 0).unwrap()
    }

    fn of(spans: &[(i64, Option<i64>)]) -> Option<(usize, DateTime<Utc>)> {
        let spans = spans.iter().map(|(from, to)| (at(*from), to.map(at)));
        shared(spans).map(|s| (s.number, s.detected))
    }

    #[test]
    fn an_item_lasts_while_anything_stands_on_it_and_is_another_after_a_break() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1, Some(2))]), None);
        assert_eq!(of(&[(5, None), (3, None)]), Some((1, at(3))));
        // The first one is fixed; the item keeps its date.
        assert_eq!(of(&[(1, Some(4)), (3, None)]), Some((1, at(1))));
        assert_eq!(of(&[(1, Some(3)), (3, None)]), Some((1, at(1))));
        assert_eq!(of(&[(1, Some(2)), (3, None)]), Some((2, at(3))));
        assert_eq!(
            of(&[(1, Some(2)), (3, Some(4)), (5, None), (6, Some(9))]),
            Some((3, at(5)))
        );
        let id = |number| {
            let detected = at(0);
            Shared { number, detected }.id()
        };
        assert_eq!((id(1), id(2)), ("POAM-CM-6".into(), "POAM-CM-6-2".into()));
    }

    proptest! {
        /// Closing one of several moves neither the number nor the date.
        #[test]
        fn what_closes_takes_nothing_from_the_item(starts in prop::collection::vec(0..100i64, 2..12), which in 0..11usize) {
            let mut spans: Vec<(i64, Option<i64>)> = starts.into_iter().map(|from| (from, None)).collect();
            let before = of(&spans);
            let which = which % (spans.len() - 1);
            spans[which].1 = Some(200);
            prop_assert_eq!(of(&spans), before);
        }
    }
}
