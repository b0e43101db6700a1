//! Threads that work parts out beside the one that writes, on connections that read. Nobody else writes meanwhile, and no
//! part needs what another writes, so they read what the writer would.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use super::batch::Batch;
use super::bite::Bite;
use super::terms::Terms;
use crate::store::{AnyConnection, Result, Store, StoreError};

const LANES: usize = 2;

/// The parts of a bite that one of the threads works out.
struct Turn {
    bite: Arc<Bite>,
    from: usize,
    hand_on: SyncSender<Result<Batch>>,
}

pub(super) struct Lanes<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    store: Store,
    terms: Arc<Terms>,
    lanes: Vec<Sender<Turn>>,
}

/// A bite that is being worked out.
pub(super) struct Working {
    pub bite: Arc<Bite>,
    worked: Vec<Receiver<Result<Batch>>>,
}

impl<'scope, 'env> Lanes<'scope, 'env> {
    /// No thread before there is more than one part.
    pub fn new(scope: &'scope Scope<'scope, 'env>, store: Store, terms: Arc<Terms>) -> Self {
        Self {
            scope,
            store,
            terms,
            lanes: Vec::new(),
        }
    }

    /// Begins to work a bite out, behind those before it.
    pub fn begin(&mut self, bite: Bite) -> Working {
        let bite = Arc::new(bite);
        let mut worked = Vec::new();
        if bite.count() > 1 {
            for from in 0..LANES {
                let (hand_on, result) = sync_channel(1);
                let bite = bite.clone();
                // A lane that is gone hands nothing on: then the writer works its parts out.
                let _ = self.lane(from).send(Turn {
                    bite,
                    from,
                    hand_on,
                });
                worked.push(result);
            }
        }
        Working { bite, worked }
    }

    fn lane(&mut self, nth: usize) -> &Sender<Turn> {
        while self.lanes.len() <= nth {
            let (sender, turns) = channel::<Turn>();
            let (store, terms) = (self.store.clone(), self.terms.clone());
            self.scope.spawn(move || {
                for turn in turns {
                    take(&store, &terms, &turn);
                }
            });
            self.lanes.push(sender);
        }
        &self.lanes[nth]
    }
}

fn take(store: &Store, terms: &Terms, turn: &Turn) {
    for nth in (turn.from..turn.bite.count()).step_by(LANES) {
        let part = turn.bite.part(nth);
        let batch = store.read_here(|conn| Batch::work_out(conn, terms, &part));
        if turn.hand_on.send(batch).is_err() {
            return;
        }
    }
}

impl Working {
    /// What becomes of the next part, in their order.
    pub fn part(&self, conn: &mut AnyConnection, terms: &Terms, nth: usize) -> Result<Batch> {
        let lane = self.worked.get(nth % LANES);
        match lane.and_then(|lane| lane.recv().ok()) {
            // No lane, or no connection left for it: then here.
            None | Some(Err(StoreError::Pool(_))) => {
                Batch::work_out(conn, terms, &self.bite.part(nth))
            }
            Some(batch) => batch,
        }
    }
}
