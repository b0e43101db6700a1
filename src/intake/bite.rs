//! What of some pages is new, in parts that share no finding: some are worked out while others are written.

use std::ops::Range;

use poamd_contract::finding::SetAside;

use super::Counts;
use super::evidence::Packs;
use super::prepared::Arrived;

/// What of some pages is not known.
#[derive(Debug)]
pub(super) struct Sifted {
    pub fresh: Vec<Arrived>,
    pub set_aside: Vec<SetAside>,
    pub counts: Counts,
}

impl Sifted {
    pub fn says_nothing(&self) -> bool {
        self.fresh.is_empty() && self.set_aside.is_empty()
    }
}

/// The same, with a place for each document.
#[derive(Debug)]
pub(super) struct Bite {
    pub fresh: Vec<Arrived>,
    pub set_aside: Vec<SetAside>,
    pub counts: Counts,
    pub packs: Packs,
    /// Places in `fresh`: what the transaction wrote before it comes last, then by account and finding.
    order: Vec<usize>,
    /// Ranges of `order`.
    parts: Vec<Range<usize>>,
    again: Range<usize>,
}

/// Some of what arrived: whole findings, by account.
pub(super) type Part<'a> = Vec<(&'a str, OfAccount<'a>)>;
/// Findings of one account, by fingerprint, each with its reports.
type OfAccount<'a> = Vec<(&'a str, Vec<&'a Arrived>)>;

/// Findings of one part.
const PART: usize = 500;
/// Of the first, for which the writer waits.
const FIRST: usize = 100;

impl Bite {
    /// `packs` says where its documents go, `again` which of them are about findings that the transaction wrote before.
    pub fn of(sifted: Sifted, packs: Packs, again: &[bool]) -> Self {
        let fresh = sifted.fresh;
        let mut order: Vec<usize> = (0..fresh.len()).collect();
        order.sort_by(|a, b| {
            (again[*a], finding(&fresh[*a])).cmp(&(again[*b], finding(&fresh[*b])))
        });
        let first_again = order.partition_point(|at| !again[*at]);
        Self {
            parts: cut(&fresh, &order[..first_again]),
            again: first_again..order.len(),
            order,
            fresh,
            packs,
            set_aside: sifted.set_aside,
            counts: sifted.counts,
        }
    }

    /// How many parts there are that can be worked out in any order.
    pub fn count(&self) -> usize {
        self.parts.len()
    }

    pub fn part(&self, nth: usize) -> Part<'_> {
        self.parts
            .get(nth)
            .map_or_else(Part::new, |range| self.whole_findings(range.clone()))
    }

    /// What is about findings that the transaction wrote before: only its own connection sees those.
    pub fn again(&self) -> Part<'_> {
        self.whole_findings(self.again.clone())
    }

    fn whole_findings(&self, range: Range<usize>) -> Part<'_> {
        let mut part = Part::new();
        for same in self.order[range].chunk_by(|a, b| self.about(*a) == self.about(*b)) {
            let (account, print) = self.about(same[0]);
            let arrived = same.iter().map(|at| &self.fresh[*at]).collect();
            match part.last_mut().filter(|(of, _)| *of == account) {
                Some((_, prints)) => prints.push((print, arrived)),
                None => part.push((account, vec![(print, arrived)])),
            }
        }
        part
    }

    fn about(&self, at: usize) -> (&str, &str) {
        finding(&self.fresh[at])
    }
}

/// Account and fingerprint.
fn finding(arrived: &Arrived) -> (&str, &str) {
    (arrived.report.account.as_str(), &arrived.fingerprint)
}

fn cut(fresh: &[Arrived], order: &[usize]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut room = 0_usize;
    for same in order.chunk_by(|a, b| finding(&fresh[*a]) == finding(&fresh[*b])) {
        let end = parts.last().map_or(0, |part| part.end);
        match parts.last_mut().filter(|_| room > 0) {
            Some(part) => part.end += same.len(),
            None => {
                room = if parts.is_empty() { FIRST } else { PART };
                parts.push(end..end + same.len());
            }
        }
        room -= 1;
    }
    parts
}
