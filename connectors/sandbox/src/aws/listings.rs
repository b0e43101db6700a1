//! Which documents a query is for, remembered from page to page: a listing of a hundred thousand is filtered once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Positions of documents by query.
#[derive(Default)]
pub struct Listings(Mutex<HashMap<String, Arc<Vec<usize>>>>);

impl Listings {
    /// The positions of a query, worked out the first time.
    pub fn of<E>(
        &self,
        query: &str,
        work_out: impl FnOnce() -> Result<Vec<usize>, E>,
    ) -> Result<Arc<Vec<usize>>, E> {
        let known = |map: &HashMap<String, Arc<Vec<usize>>>| map.get(query).cloned();
        if let Some(positions) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(positions);
        }
        let positions = Arc::new(work_out()?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(query.to_owned(), Arc::clone(&positions));
        Ok(positions)
    }

    /// The documents have changed.
    pub fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
