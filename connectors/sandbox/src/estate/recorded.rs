//! Replies of EC2, IAM and S3, recorded from an emulator by `estate/record.py`, with times that move
//! with the estate's `now`.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

/// One recorded reply.
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedReply {
    /// Signing name: `ec2`, `iam`, `s3`.
    pub service: String,
    pub region: String,
    pub operation: String,
    /// The parameters that it answers, such as `UserName`.
    pub key: BTreeMap<String, String>,
    pub status: u16,
    /// XML, with `{{ago:SECONDS}}` for times.
    pub body: String,
}

impl RecordedReply {
    /// The body with its times counted back from `now`.
    pub fn render(&self, now: DateTime<Utc>) -> String {
        let mut text = String::with_capacity(self.body.len());
        let mut rest = self.body.as_str();
        while let Some((before, mark)) = rest.split_once("{{ago:") {
            text.push_str(before);
            let (seconds, after) = mark.split_once("}}").unwrap_or((mark, ""));
            let ago = TimeDelta::try_seconds(seconds.parse().unwrap_or(0)).unwrap_or_default();
            text.push_str(&(now - ago).to_rfc3339_opts(SecondsFormat::Secs, true));
            rest = after;
        }
        text.push_str(rest);
        text
    }
}

const FILES: [(&str, &str); 3] = [
    (
        "111122223333",
        include_str!("../../estate/recorded/111122223333.json"),
    ),
    (
        "444455556666",
        include_str!("../../estate/recorded/444455556666.json"),
    ),
    (
        "777788889999",
        include_str!("../../estate/recorded/777788889999.json"),
    ),
];

/// The replies recorded for one account.
pub fn of(account: &str) -> Vec<RecordedReply> {
    FILES
        .iter()
        .find(|(id, _)| *id == account)
        .map(|(_, text)| {
            serde_json::from_str(text)
                .expect("the file is part of the program and its form is tested")
        })
        .unwrap_or_default()
}
