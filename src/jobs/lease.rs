//! A job under its lease: of several processes on one PostgreSQL ledger one does it, the daemon's or a command's. A
//! SQLite ledger has one process anyway, which its lock file sees to.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::{Context, JobError, Result};
use crate::store::leases::{self, Claim};
use crate::store::{self, AnyConnection, Store};

const LEASE: TimeDelta = TimeDelta::seconds(60);
const RENEW: Duration = Duration::from_secs(20);

/// A job's lease in hand.
#[derive(Debug)]
pub struct Lease {
    job: String,
    holder: String,
    /// `None` where there is nobody to share with.
    epoch: Option<i64>,
}

/// What came of asking for it.
#[derive(Debug)]
pub enum Asked {
    Held(Lease),
    /// Who has it.
    Elsewhere(String),
}

/// Asks for the lease of a job, inside the caller's transaction.
pub fn ask(conn: &mut AnyConnection, job: &str, holder: &str) -> store::Result<Asked> {
    let epoch = if matches!(conn, AnyConnection::Sqlite(_)) {
        None
    } else {
        match leases::acquire(conn, job, holder, LEASE)? {
            Claim::Held(epoch) => Some(epoch),
            Claim::Elsewhere(holder) => return Ok(Asked::Elsewhere(holder)),
        }
    };
    Ok(Asked::Held(Lease {
        job: job.to_owned(),
        holder: holder.to_owned(),
        epoch,
    }))
}

impl Lease {
    /// Gives it back, inside the caller's transaction; false if another process has had it since.
    pub fn give_back(&self, conn: &mut AnyConnection) -> store::Result<bool> {
        let Some(epoch) = self.epoch else {
            return Ok(true);
        };
        leases::release(conn, &self.job, &self.holder, epoch)
    }

    /// Renews it, and ends when another process may have it: this one must not go on then.
    pub async fn until_lost(&self, store: &Store) {
        let Some(epoch) = self.epoch else {
            return std::future::pending().await;
        };
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(RENEW).await;
            let (job, holder, asked) = (self.job.clone(), self.holder.clone(), Instant::now());
            match store
                .write(move |c| leases::renew(c, &job, &holder, epoch, LEASE))
                .await
            {
                Ok(true) => renewed = asked,
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, job = self.job, "its lease could not be renewed");
                    if TimeDelta::from_std(renewed.elapsed()).is_ok_and(|silence| silence >= LEASE)
                    {
                        return;
                    }
                }
            }
        }
    }
}

/// Does a job's work under its lease, or says who has it.
pub async fn under<T>(
    ctx: &Context,
    job: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (name, holder) = (job.to_owned(), ctx.holder.clone());
    let lease = match ctx.store.write(move |c| ask(c, &name, &holder)).await? {
        Asked::Held(lease) => lease,
        Asked::Elsewhere(holder) => {
            return Err(JobError::Elsewhere {
                job: job.to_owned(),
                holder,
            });
        }
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = lease.until_lost(&ctx.store) => Err(JobError::CutOff(job.to_owned())),
    };
    if let Err(error) = ctx.store.write(move |c| lease.give_back(c)).await {
        tracing::warn!(%error, job, "its lease could not be given back; it runs out by itself");
    }
    outcome
}
