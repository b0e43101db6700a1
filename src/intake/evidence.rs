//! Documents into packs, and what a run read into its manifest.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::prepared::{Arrived, Prepared};
use crate::store::Result;
use crate::store::audit::hex;
use crate::store::evidence::{Manifest, Packed, pack};
use crate::store::time::stamp;

/// Documents are put together up to this size: whoever asks for one of them unpacks all of them.
const PACK: usize = 4 << 20;

/// Which documents go into which pack.
#[derive(Debug)]
pub(super) struct Packs {
    packs: Vec<(i64, Range<usize>)>,
}

impl Packs {
    /// Gives each document its place, in packs numbered from `first`.
    pub fn lay_out(fresh: &mut [Arrived], first: i64) -> Self {
        let mut packs: Vec<(i64, Range<usize>)> = Vec::new();
        let (mut id, mut size, mut at) = (first, 0, 0);
        for (index, arrived) in fresh.iter_mut().enumerate() {
            let Some(raw) = &arrived.report.raw else {
                continue;
            };
            if size > 0 && size + raw.len() > PACK {
                (id, size, at) = (id + 1, 0, 0);
            }
            match packs.last_mut().filter(|(last, _)| *last == id) {
                Some((_, range)) => range.end = index + 1,
                None => packs.push((id, index..index + 1)),
            }
            arrived.place = Some((id, at));
            size += raw.len();
            at += 1;
        }
        Self { packs }
    }

    /// The number after the last; `None` if there is none.
    pub fn next(&self) -> Option<i64> {
        self.packs.last().map(|(id, _)| id + 1)
    }

    /// Makes the packs.
    pub fn pack(&self, fresh: &[Arrived]) -> Result<Vec<(i64, Packed)>> {
        let one = |(id, range): &(i64, Range<usize>)| {
            let documents: Vec<(&str, &[u8; 32])> = fresh[range.clone()]
                .iter()
                .filter_map(|a| Some((a.report.raw.as_deref()?, &a.sha256)))
                .collect();
            Ok((*id, pack(&documents)?))
        };
        self.packs.iter().map(one).collect()
    }
}

/// What a run read so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub asked: String,
    pages: i64,
    documents: i64,
    bytes: i64,
    set_aside: i64,
    requests: Option<(String, String)>,
    hash: Sha256,
    pub kept: i64,
}

impl Tally {
    pub fn count(&mut self, prepared: &Prepared) {
        self.pages += prepared.pages;
        self.set_aside += count(prepared.set_aside.len());
        for request in &prepared.requests {
            match &mut self.requests {
                Some((_, last)) => last.clone_from(request),
                None => self.requests = Some((request.clone(), request.clone())),
            }
        }
    }

    /// A document, in the order they came.
    pub fn document(&mut self, bytes: usize, sha256: &[u8; 32]) {
        self.documents += 1;
        self.bytes += count(bytes);
        self.hash.update(sha256);
    }

    pub fn manifest(
        &self,
        run: i64,
        door: &str,
        began: DateTime<Utc>,
        ended: DateTime<Utc>,
    ) -> Manifest {
        let (first, last) = self.requests.clone().unzip();
        Manifest {
            run_id: run,
            door: door.to_owned(),
            asked: self.asked.clone(),
            pages: self.pages,
            documents: self.documents,
            bytes: self.bytes,
            kept: self.kept,
            set_aside: self.set_aside,
            first_request: first,
            last_request: last,
            began_at: stamp(began),
            ended_at: stamp(ended),
            sha256: hex(&self.hash.clone().finalize()),
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
