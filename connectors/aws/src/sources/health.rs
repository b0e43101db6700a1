//! Whether a source can be read, in words.

use futures::future::BoxFuture;
use poamd_contract::health::Check;

use crate::cell::Cell;
use crate::error::{Kind, Trouble};

/// A health check: whether a cell can be had, and what a first small call says.
pub(super) async fn check<F>(source: &str, cell: Result<Cell, Trouble>, ask: F) -> Check
where
    F: for<'a> FnOnce(&'a Cell) -> BoxFuture<'a, Result<(), Trouble>>,
{
    let cell = match cell {
        Ok(cell) => cell,
        Err(trouble) => return Check::failed(format!("source {source}"), trouble.what),
    };
    let name = format!(
        "source {source}: account {} region {}",
        cell.account, cell.region
    );
    match ask(&cell).await {
        Ok(()) => Check::ok(name, "can be read"),
        Err(trouble) if trouble.kind == Kind::Off => Check::warning(name, trouble.what),
        Err(trouble) => Check::failed(name, trouble.what),
    }
}
