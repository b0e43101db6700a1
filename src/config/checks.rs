//! What is wrong between sections although each is right by itself.

use std::collections::BTreeSet;

use super::reader::Reader;
use super::{Account, Aws, Desk, Entries, Feed, Report, Writeback};

/// The source whose findings are written to.
const HUB: &str = "securityhub";

pub(super) fn accounts(entries: &Entries<'_, Account>) {
    unique(entries, "id", |account| account.id.to_string());
    unique(entries, "name", |account| account.name.clone());
}

pub(super) fn feeds(entries: &Entries<'_, Feed>) {
    unique(entries, "name", |feed| feed.name.clone());
    unique(entries, "path", |feed| feed.path.display().to_string());
}

pub(super) fn desks(entries: &Entries<'_, Desk>) {
    unique(entries, "name", |desk| desk.name.clone());
    let mut everything: Option<&str> = None;
    for (r, desk) in read(entries) {
        if let Some(first) = everything {
            r.fail(
                "name",
                format!(
                    "gets no record: the desk \"{first}\" above takes every account; give \
            that one accounts or account_labels, or put it last"
                ),
            );
        } else if desk.takes_everything() {
            everything = Some(&desk.name);
        }
    }
}

pub(super) fn reports(entries: &Entries<'_, Report>, has_mail: bool) {
    unique(entries, "name", |report| report.name.clone());
    if let (Some((r, _)), false) = (entries.first(), has_mail) {
        r.fail(
            "recipients",
            "cannot be reached: there is no section [mail]; add one with host and from",
        );
    }
}

/// What is left in the hub goes to findings that were read there.
pub(super) fn writeback(r: Reader<'_>, writeback: Option<&Writeback>, aws: Option<&Aws>) {
    let (Some(writeback), Some(aws)) = (writeback, aws) else {
        return;
    };
    if writeback.enabled && !aws.sources.iter().any(|source| source == HUB) {
        r.fail(
            "enabled",
            format!(
                "has nothing to write to: sources of [aws] do not name \"{HUB}\" (\"{HUB}-v2\" is only read); \
                add it there, or set enabled = false"
            ),
        );
    }
}

fn read<'e, 's, T>(entries: &'e Entries<'s, T>) -> impl Iterator<Item = (&'e Reader<'s>, &'e T)> {
    entries
        .iter()
        .filter_map(|(reader, entry)| Some((reader, entry.as_ref()?)))
}

fn unique<T>(entries: &Entries<'_, T>, key: &str, of: impl Fn(&T) -> String) {
    let mut seen = BTreeSet::new();
    for (r, entry) in read(entries) {
        let value = of(entry);
        if !seen.insert(value.clone()) {
            r.fail(
                key,
                format!("{value:?} stands here a second time; each has to be different"),
            );
        }
    }
}
