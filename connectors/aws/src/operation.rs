//! One declaration per AWS call: from it come the rate, the error's words and the IAM permission.

/// A call this crate makes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    /// The service as in `endpoint_urls` (`securityhub`, `s3` …).
    pub service: &'static str,
    /// The API's own name (`GetFindings`).
    pub name: &'static str,
    /// What a role must be allowed (`s3:GetEncryptionConfiguration`); differs from the name now and then.
    pub action: &'static str,
    /// The published or planned rate (`reliability-security.md` 6.1).
    pub rate: Rate,
}

/// Calls a second, and how many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

impl Rate {
    pub(crate) const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }
}

impl Operation {
    pub(crate) const fn new(
        service: &'static str,
        name: &'static str,
        action: &'static str,
        rate: Rate,
    ) -> Self {
        Self {
            service,
            name,
            action,
            rate,
        }
    }
}
