//! Faults of the AWS stand-in, aimed at account, region, service and operation.

use std::time::Duration;

use super::call::Call;
use super::reply::Refusal;
use super::security_hub_v2;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The role lacks the permission.
    AccessDenied,
    /// 503.
    Unavailable,
    /// The service's own word for too many calls.
    Throttled,
    /// The service is not enabled here. (GuardDuty says that by having no detector: take it out of the
    /// estate with [`super::AwsStandIn::change`].)
    ServiceOff,
    /// Half of the body under a length that says it is the whole.
    Truncated,
    /// The connection ends in the middle of the body.
    CutOff,
    /// The connection is closed without an answer.
    NoAnswer,
    /// All is done as asked, and the connection is closed without an answer.
    AnswerLost,
    /// A batch leaves out its first findings, so many, and says so.
    Unprocessed(usize),
    /// A 200 that is HTML.
    Garbage,
    /// The page names the same next token again and again.
    RepeatedToken,
    /// The page is empty and names a next token all the same.
    EmptyPage,
    /// The page token is no longer good.
    TokenRejected,
    /// The answer comes this much later.
    Slow(Duration),
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccessDenied => "access-denied",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::ServiceOff => "service-off",
            Self::Truncated => "truncated",
            Self::CutOff => "cut-off",
            Self::NoAnswer => "no-answer",
            Self::AnswerLost => "answer-lost",
            Self::Unprocessed(_) => "unprocessed",
            Self::Garbage => "garbage",
            Self::RepeatedToken => "repeated-token",
            Self::EmptyPage => "empty-page",
            Self::TokenRejected => "token-rejected",
            Self::Slow(_) => "slow",
        }
    }

    /// The refusal that takes the place of the answer, for kinds that refuse.
    pub fn refusal(&self, call: &Call) -> Option<Refusal> {
        let service = call.service.as_str();
        match self {
            Self::AccessDenied => Some(access_denied(call)),
            Self::Unavailable => {
                let code = if service == "ec2" {
                    "Unavailable"
                } else {
                    "ServiceUnavailable"
                };
                Some(Refusal::new(
                    503,
                    code,
                    "Service is unavailable. Please try again.",
                ))
            }
            Self::Throttled => Some(throttled(call)),
            Self::ServiceOff => Some(service_off(call)),
            Self::TokenRejected => Some(token_rejected(call)),
            _ => None,
        }
    }
}

/// The role may not make this call.
pub fn access_denied(call: &Call) -> Refusal {
    let code = match call.service.as_str() {
        "ec2" => "UnauthorizedOperation",
        "iam" | "sts" | "s3" => "AccessDenied",
        _ => "AccessDeniedException",
    };
    let message = format!(
        "User: {} is not authorized to perform: {}:{} because no identity-based policy allows the action",
        call.principal, call.service, call.operation
    );
    Refusal::new(403, code, message)
}

/// Too many calls, in the service's own words.
pub fn throttled(call: &Call) -> Refusal {
    let (status, code) = match call.service.as_str() {
        _ if security_hub_v2::is_for(call) => (429, "ThrottlingException"),
        "ec2" => (503, "RequestLimitExceeded"),
        "s3" => (503, "SlowDown"),
        "iam" | "sts" => (400, "Throttling"),
        "inspector2" => (429, "ThrottlingException"),
        _ => (429, "TooManyRequestsException"),
    };
    Refusal::new(status, code, "Rate exceeded")
}

/// A page token that has run out, in the service's own words.
fn token_rejected(call: &Call) -> Refusal {
    let code = match call.service.as_str() {
        _ if security_hub_v2::is_for(call) => "ValidationException",
        "securityhub" => "InvalidInputException",
        "guardduty" => "BadRequestException",
        _ => "ValidationException",
    };
    Refusal::new(400, code, "The parameter nextToken has an invalid value.")
}

/// The service is not enabled in this account and region.
pub fn service_off(call: &Call) -> Refusal {
    match call.service.as_str() {
        _ if security_hub_v2::is_for(call) => security_hub_v2::off(),
        "securityhub" => Refusal::new(
            401,
            "InvalidAccessException",
            format!(
                "Account {} is not subscribed to AWS Security Hub",
                call.account
            ),
        ),
        "inspector2" => Refusal::new(
            403,
            "AccessDeniedException",
            format!(
                "Inspector is not enabled for account {} in {}",
                call.account, call.region
            ),
        ),
        _ => Refusal::new(
            403,
            "OptInRequired",
            "You are not subscribed to this service",
        ),
    }
}

/// One fault: where it strikes, what it does, how often.
#[derive(Debug, Clone)]
pub struct AwsFault {
    kind: Kind,
    account: Option<String>,
    region: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    subject: Option<String>,
    skip: u32,
    left: Option<u32>,
    strikes: u32,
}

impl AwsFault {
    /// Strikes every call until it is narrowed.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            account: None,
            region: None,
            service: None,
            operation: None,
            subject: None,
            skip: 0,
            left: None,
            strikes: 0,
        }
    }

    pub fn account(mut self, id: &str) -> Self {
        self.account = Some(id.to_owned());
        self
    }

    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Signing name: `securityhub`, `inspector2`, `ec2` …
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Bucket or detector.
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Lets the first `calls` that it is for pass: the fault comes in the middle of a listing.
    pub fn after(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes so often and then no more.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    pub fn strikes(&self) -> u32 {
        self.strikes
    }

    /// Strikes the call if it is for it and there is something left; counts.
    pub fn strike(&mut self, call: &Call) -> Option<Kind> {
        let is =
            |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|w| w == actual);
        let hit = is(&self.account, &call.account)
            && is(&self.region, &call.region)
            && is(&self.service, &call.service)
            && is(&self.operation, &call.operation)
            && is(&self.subject, call.subject.as_deref().unwrap_or_default());
        if !hit || self.left == Some(0) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        self.strikes += 1;
        Some(self.kind.clone())
    }
}
