//! Access keys: the base pair, and those that `AssumeRole` issued.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// The base credentials. Nothing outside the loopback address knows them.
pub const BASE_KEY: &str = "AKIASANDBOXEXAMPLE01";
pub const BASE_SECRET: &str = "sandbox/only/loopback/not/a/secret/00001";

/// Whose key it is.
#[derive(Debug, Clone)]
pub struct Holder {
    pub account: String,
    pub arn: String,
}

/// A pair issued for a role session.
#[derive(Debug, Clone)]
pub struct Issued {
    pub key: String,
    pub secret: String,
    pub token: String,
    pub expires: DateTime<Utc>,
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Key,
    Token,
    Expired,
}

impl Unknown {
    pub fn code(self, service: &str) -> &'static str {
        match (self, service) {
            (Self::Expired, _) => "ExpiredToken",
            (_, "sts" | "iam") => "InvalidClientTokenId",
            (_, "ec2") => "AuthFailure",
            _ => "UnrecognizedClientException",
        }
    }

    pub fn s3_code(self) -> &'static str {
        match self {
            Self::Key => "InvalidAccessKeyId",
            Self::Token => "InvalidToken",
            Self::Expired => "ExpiredToken",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Expired => "The security token included in the request is expired",
            _ => "The security token included in the request is invalid.",
        }
    }
}

/// All keys the stand-in knows.
pub struct Keys {
    home: Holder,
    issued: Mutex<HashMap<String, (Holder, Issued)>>,
}

impl Keys {
    pub fn new(home_account: &str, partition: &str) -> Self {
        let arn = format!("arn:{partition}:iam::{home_account}:user/poamd");
        Self {
            home: Holder {
                account: home_account.to_owned(),
                arn,
            },
            issued: Mutex::default(),
        }
    }

    pub fn holder(
        &self,
        key: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Holder, Unknown> {
        if key == BASE_KEY {
            return Ok(self.home.clone());
        }
        let issued = self.issued();
        let (holder, pair) = issued.get(key).ok_or(Unknown::Key)?;
        if token != Some(pair.token.as_str()) {
            Err(Unknown::Token)
        } else if pair.expires <= now {
            Err(Unknown::Expired)
        } else {
            Ok(holder.clone())
        }
    }

    pub fn issue(&self, holder: Holder, expires: DateTime<Utc>) -> Issued {
        let mut issued = self.issued();
        let number = issued.len();
        let pair = Issued {
            key: format!("ASIASANDBOX{number:09}"),
            secret: format!("sandbox/only/loopback/session/{number:010}"),
            token: format!("sandbox-session-{number:010}-{}", holder.account),
            expires,
        };
        issued.insert(pair.key.clone(), (holder, pair.clone()));
        pair
    }

    fn issued(&self) -> MutexGuard<'_, HashMap<String, (Holder, Issued)>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
