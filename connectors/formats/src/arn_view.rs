//! An ARN looked at where it stands, without copying it: what `poamd_contract::arn::Arn` is for keeping.

use poamd_contract::arn::Arn;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArnView<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> ArnView<'a> {
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut next = || parts.next();
        let view = Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        };
        (!view.partition.is_empty() && !view.service.is_empty() && !view.resource.is_empty())
            .then_some(view)
    }

    pub(crate) fn is_global(self) -> bool {
        Arn::is_global_service(self.service)
    }

    /// `instance` of `instance/i-1`, `function` of `function:name`; all of it if it has no parts.
    pub(crate) fn kind(self) -> &'a str {
        self.resource
            .split(['/', ':'])
            .next()
            .unwrap_or(self.resource)
    }

    /// What stands behind the kind.
    pub(crate) fn rest(self) -> &'a str {
        self.resource
            .split_once(['/', ':'])
            .map_or("", |(_, rest)| rest)
    }
}
