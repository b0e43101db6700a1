//! What arrived in a transaction so far: those who read beside it see nothing of it before it is over.

use hashbrown::{HashMap, HashSet};

use super::bite::{Bite, Sifted};
use super::evidence::Packs;

#[derive(Debug, Default)]
pub(super) struct Heard {
    findings: HashSet<String>,
    /// What each report said last, by its identity.
    said: HashMap<u64, i64>,
    next_pack: i64,
}

impl Heard {
    /// Nothing yet; packs are numbered from `next_pack`.
    pub fn nothing(next_pack: i64) -> Self {
        Self {
            next_pack,
            ..Self::default()
        }
    }

    /// What a report said last; `None` if it was not heard.
    pub fn last(&self, identity: u64) -> Option<i64> {
        self.said.get(&identity).copied()
    }

    /// Takes what comes next.
    pub fn take(&mut self, mut sifted: Sifted) -> Bite {
        let packs = Packs::lay_out(&mut sifted.fresh, self.next_pack);
        self.next_pack = packs.next().unwrap_or(self.next_pack);
        let fresh = &sifted.fresh;
        let again: Vec<bool> = fresh
            .iter()
            .map(|one| self.findings.contains(&one.fingerprint))
            .collect();
        self.findings
            .extend(fresh.iter().map(|one| one.fingerprint.clone()));
        self.said
            .extend(fresh.iter().map(|one| (one.identity(), one.content_hash)));
        Bite::of(sifted, packs, &again)
    }

    /// What each report said last, by its identity.
    pub fn said(self) -> HashMap<u64, i64> {
        self.said
    }
}
