//! What arrived in a transaction so far: those who read beside it see nothing of it before it is over.

use hashbrown::{HashMap, HashSet};

use super::bite::{Bite, Sifted};
use super::evidence::Packs;
use super::known::identity;
use super::prepared::Arrived;

#[derive(Debug)]
pub(super) struct Heard {
    /// Hashes of findings. Of two that share one, the second is worked out by the writer without need, and rightly.
    findings: HashSet<u64>,
    /// What each report said last, by its identity.
    said: HashMap<u64, i64>,
    next_pack: i64,
}

impl Heard {
    /// Nothing yet; packs are numbered from `next_pack`.
    pub fn nothing(next_pack: i64) -> Self {
        Self {
            findings: HashSet::new(),
            said: HashMap::new(),
            next_pack,
        }
    }

    /// Takes what comes next, but what was said before.
    pub fn take(&mut self, mut sifted: Sifted) -> Bite {
        let all = sifted.fresh.len();
        sifted
            .fresh
            .retain(|one| self.said.get(&report(one)) != Some(&one.content_hash));
        sifted.counts.unchanged += (all - sifted.fresh.len()) as u64;
        let packs = Packs::lay_out(&mut sifted.fresh, self.next_pack);
        self.next_pack = packs.next().unwrap_or(self.next_pack);
        let of = |one: &Arrived| poamd_formats::raw_hash(one.fingerprint.as_bytes());
        let again: Vec<bool> = sifted
            .fresh
            .iter()
            .map(|one| self.findings.contains(&of(one)))
            .collect();
        self.findings.extend(sifted.fresh.iter().map(of));
        let said = sifted.fresh.iter();
        self.said
            .extend(said.map(|one| (report(one), one.content_hash)));
        Bite::of(sifted, packs, &again)
    }

    /// What each report said last, by its identity.
    pub fn said(self) -> HashMap<u64, i64> {
        self.said
    }
}

fn report(one: &Arrived) -> u64 {
    identity(one.report.account.as_str(), one.report_key)
}
