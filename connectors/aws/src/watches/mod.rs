//! The list of watches, one technology a file, and what they share. A new one is a file here and a
//! word in the list.

use std::sync::Arc;

use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::ids::Region;
use poamd_contract::item::SeenItem;
use poamd_contract::watch::{AccountWatch, Seen};
use serde_json::Value;

use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::json::Object;
use crate::operation::Operation;
use crate::session::Session;

macro_rules! watches {
    ($($file:ident: $watch:ident,)*) => {
        $(mod $file;)*

        /// Every watch of this crate.
        pub(crate) fn all(session: &Arc<Session>) -> Vec<Arc<dyn AccountWatch>> {
            vec![$(Arc::new($file::$watch::new(Arc::clone(session)))),*]
        }

        #[cfg(test)]
        pub(crate) const FILES: &[&str] = &[$(stringify!($file)),*];
    };
}

watches! {
    iamuser: IamUser,
    policy: Policy,
    s3: S3,
    securitygroup: SecurityGroup,
}

mod authorization;

/// How many resources of one listing are asked about at the same time.
const AT_ONCE: usize = 8;

/// One resource as read, before it is known whose it is.
struct Found {
    name: String,
    arn: String,
    region: Region,
    config: Object,
    volatile: Object,
}

impl Found {
    fn item(self, account: &AccountAccess, technology: &str) -> SeenItem {
        SeenItem {
            account: account.id.clone(),
            partition: account.partition.clone(),
            region: self.region,
            technology: technology.to_owned(),
            name: self.name,
            arn: self.arn,
            config: self.config.into(),
            volatile: self.volatile.into(),
        }
    }
}

/// How far a listing got, with what it had found by then.
struct Listed<T> {
    found: Vec<T>,
    coverage: Coverage,
}

impl<T> Listed<T> {
    /// A listing whose pages went in a circle.
    fn circle(cell: &Cell, operation: &'static Operation, found: Vec<T>) -> Self {
        let trouble = Trouble::unusable(
            &cell.place(operation),
            "the listing gave a page token that was used before",
        );
        Self {
            found,
            coverage: Coverage::Partial {
                reason: trouble.what,
            },
        }
    }
}

/// Nothing could be listed.
fn unseen(trouble: Trouble) -> Seen {
    Seen {
        items: Vec::new(),
        coverage: trouble.coverage(0),
    }
}

/// Puts together resources read one by one: those that failed are left out and named, those that went
/// away in between are simply not there.
fn gather(
    account: &AccountAccess,
    technology: &str,
    listed: Coverage,
    read: Vec<(String, Result<Option<Found>, Trouble>)>,
) -> Seen {
    let total = read.len();
    let (mut items, mut missed) = (Vec::new(), Vec::new());
    for (name, result) in read {
        match result {
            Ok(Some(found)) => items.push(found.item(account, technology)),
            Ok(None) => {}
            Err(trouble) if trouble.kind == Kind::Absent => {}
            Err(trouble) => missed.push((name, trouble)),
        }
    }
    items.sort_by(|a, b| a.arn.cmp(&b.arn));
    let coverage = match missed.first() {
        None => listed,
        Some((_, first)) => {
            let names: Vec<&str> = missed
                .iter()
                .take(5)
                .map(|(name, _)| name.as_str())
                .collect();
            let more = if missed.len() > names.len() {
                " …"
            } else {
                ""
            };
            Coverage::Partial {
                reason: format!(
                    "{} of {total} {technology} items not read ({}{more}): {}",
                    missed.len(),
                    names.join(", "),
                    first.what
                ),
            }
        }
    };
    Seen { items, coverage }
}

/// The value of an answer, `None` where AWS says that there is no such configuration.
fn configured<T>(answer: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(trouble) if trouble.kind == Kind::Absent => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// `null` for what is not configured: absence is a fact worth showing.
fn or_null(value: Option<impl Into<Value>>) -> Value {
    value.map_or(Value::Null, Into::into)
}
