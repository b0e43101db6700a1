//! What AWS's error codes mean for us; the only list of them.

use crate::error::Kind;

/// The parts of an error reply that decide.
pub(crate) struct Answer<'a> {
    pub code: &'a str,
    pub message: &'a str,
    pub status: Option<u16>,
}

const EXPIRED: [&str; 4] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
];
const SKEWED: [&str; 2] = ["RequestTimeTooSkewed", "RequestInTheFuture"];
/// Skew, if the message says so; otherwise wrong keys.
const BAD_SIGNATURE: [&str; 2] = ["InvalidSignatureException", "SignatureDoesNotMatch"];
const DENIED: [&str; 14] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthFailure",
    "AuthorizationError",
    "InvalidAccessException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedException",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];
const THROTTLED: [&str; 11] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
const ABSENT: [&str; 6] = [
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchEntity",
    "NoSuchEntityException",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
];
const BAD_TOKEN: [&str; 3] = [
    "InvalidNextToken",
    "InvalidNextTokenException",
    "InvalidPaginationToken",
];
/// A bad page token, if the message speaks of one.
const BAD_INPUT: [&str; 3] = [
    "BadRequestException",
    "InvalidInputException",
    "ValidationException",
];

impl Answer<'_> {
    pub(crate) fn kind(&self, service: &str) -> Kind {
        // EC2 puts `Client.` before some codes.
        let code = self.code.strip_prefix("Client.").unwrap_or(self.code);
        let message = self.message.to_ascii_lowercase();
        let says = |part: &str| message.contains(part);
        let skewed = || says("expired") || says("not yet current");
        match code {
            code if EXPIRED.contains(&code) => Kind::Expired,
            code if SKEWED.contains(&code) => Kind::Skewed,
            code if BAD_SIGNATURE.contains(&code) && skewed() => Kind::Skewed,
            code if BAD_SIGNATURE.contains(&code) => Kind::Denied,
            // "Account … is not subscribed to AWS Security Hub".
            "InvalidAccessException" if service == "securityhub" => Kind::Off,
            // What `DescribeSecurityHubV2` says where the new Security Hub was never switched on.
            "ResourceNotFoundException" if service == "securityhub" => Kind::Off,
            // The account is in no organization.
            "AWSOrganizationsNotInUseException" => Kind::Off,
            // The account has not enabled it; an IAM denial says "is not authorized to perform".
            "AccessDeniedException"
                if service == "inspector2" && says("invoking account does not have access") =>
            {
                Kind::Off
            }
            code if DENIED.contains(&code) => Kind::Denied,
            code if THROTTLED.contains(&code) => Kind::Throttled,
            code if ABSENT.contains(&code) => Kind::Absent,
            code if BAD_TOKEN.contains(&code) => Kind::TokenRejected,
            code if BAD_INPUT.contains(&code) && says("token") => Kind::TokenRejected,
            _ => self.kind_by_status(),
        }
    }

    fn kind_by_status(&self) -> Kind {
        match self.status {
            Some(401 | 403) => Kind::Denied,
            Some(429) => Kind::Throttled,
            Some(408 | 500..) => Kind::Transient,
            _ => Kind::Other,
        }
    }

    pub(crate) fn words(&self) -> String {
        let status = self.status.map(|s| format!("HTTP {s}")).unwrap_or_default();
        match (self.code, self.message) {
            ("", "") => format!(
                "{status} without an error code (not an AWS endpoint, or an operation it does not know)"
            ),
            (code, "") => format!("{code} ({status})"),
            (code, message) => format!("{code}: {message} ({status})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(service: &str, code: &str, message: &str, status: u16) -> Kind {
        Answer {
            code,
            message,
            status: Some(status),
        }
        .kind(service)
    }

    #[test]
    fn error_codes_have_their_meaning() {
        for (service, code, message, status, expected) in [
            (
                "securityhub",
                "InvalidAccessException",
                "Account 1 is not subscribed to AWS Security Hub",
                401,
                Kind::Off,
            ),
            (
                "securityhub",
                "AccessDeniedException",
                "User: x is not authorized to perform: y",
                403,
                Kind::Denied,
            ),
            (
                "inspector2",
                "AccessDeniedException",
                "Invoking account does not have access to ListFindings",
                403,
                Kind::Off,
            ),
            (
                "inspector2",
                "AccessDeniedException",
                "User: x is not authorized to perform: y",
                403,
                Kind::Denied,
            ),
            ("ec2", "UnauthorizedOperation", "no", 403, Kind::Denied),
            (
                "ec2",
                "Client.RequestLimitExceeded",
                "slow",
                503,
                Kind::Throttled,
            ),
            ("s3", "SlowDown", "", 503, Kind::Throttled),
            (
                "s3",
                "NoSuchPublicAccessBlockConfiguration",
                "",
                404,
                Kind::Absent,
            ),
            ("s3", "", "", 404, Kind::Other),
            ("iam", "", "", 500, Kind::Transient),
            ("iam", "", "", 429, Kind::Throttled),
            ("sts", "ExpiredToken", "", 403, Kind::Expired),
            ("ec2", "RequestTimeTooSkewed", "", 403, Kind::Skewed),
            (
                "securityhub",
                "InvalidInputException",
                "The token is not valid",
                400,
                Kind::TokenRejected,
            ),
            (
                "securityhub",
                "InvalidInputException",
                "MaxResults",
                400,
                Kind::Other,
            ),
        ] {
            assert_eq!(
                kind(service, code, message, status),
                expected,
                "{service} {code} {message}"
            );
        }
    }
}
