//! What AWS's error codes mean for us; the only list of them.

use crate::error::Kind;

/// The parts of an error reply that decide.
pub(crate) struct Answer<'a> {
    pub code: &'a str,
    pub message: &'a str,
    pub status: Option<u16>,
}

impl Answer<'_> {
    pub(crate) fn kind(&self, service: &str) -> Kind {
        // EC2 puts `Client.` before some codes.
        let code = self.code.strip_prefix("Client.").unwrap_or(self.code);
        let message = self.message.to_ascii_lowercase();
        let says = |part: &str| message.contains(part);
        match code {
            "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "TokenRefreshRequired" => Kind::Expired,
            "RequestTimeTooSkewed" | "RequestInTheFuture" => Kind::Skewed,
            "InvalidSignatureException" | "SignatureDoesNotMatch"
                if says("expired") || says("not yet current") =>
            {
                Kind::Skewed
            }
            // Security Hub: "Account … is not subscribed to AWS Security Hub".
            "InvalidAccessException" if service == "securityhub" => Kind::Off,
            // Inspector: the account has not enabled it; an IAM denial says "is not authorized to perform".
            "AccessDeniedException"
                if service == "inspector2" && says("invoking account does not have access") =>
            {
                Kind::Off
            }
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "UnauthorizedException"
            | "AuthorizationError"
            | "AuthFailure"
            | "AllAccessDisabled"
            | "InvalidAccessException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "NotAuthorized"
            | "OptInRequired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Kind::Denied,
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "BandwidthLimitExceeded"
            | "EC2ThrottledException"
            | "PriorRequestNotComplete"
            | "SlowDown" => Kind::Throttled,
            "NoSuchEntity"
            | "NoSuchEntityException"
            | "NoSuchBucket"
            | "NoSuchBucketPolicy"
            | "NoSuchPublicAccessBlockConfiguration"
            | "ServerSideEncryptionConfigurationNotFoundError" => Kind::Absent,
            "InvalidNextToken" | "InvalidNextTokenException" | "InvalidPaginationToken" => {
                Kind::TokenRejected
            }
            "InvalidInputException"
            | "ValidationException"
            | "BadRequestException"
            | "InternalServerErrorException"
                if says("token") && self.status.is_some_and(|s| s < 500) =>
            {
                Kind::TokenRejected
            }
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
