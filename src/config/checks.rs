//! What is wrong between sections although each is right by itself.

use std::collections::BTreeSet;

use super::aws::Read;
use super::reader::Reader;
use super::{Account, Aws, Desk, Entries, Feed, Report, Writeback};

/// The source whose findings are written to.
const HUB: &str = "securityhub";

pub(super) fn accounts(entries: &Entries<'_, Account>) {
    unique(entries, "id", |account| account.id.to_string());
    unique(entries, "name", |account| account.name.clone());
}

/// The administrator's hub is read where that account is watched. One of the database is asked when it is read.
pub(super) fn aggregator(r: Reader<'_>, aws: Option<&Aws>, accounts: &Entries<'_, Account>) {
    let Some(Read::Aggregator { account, home }) = aws.map(|aws| &aws.read) else {
        return;
    };
    let Some((_, hub)) = read(accounts).find(|(_, entry)| entry.id == *account) else {
        return;
    };
    if !hub.active {
        let what = format!(
            "\"{account}\" is not watched (active = false in [[accounts]]), so no findings would be read: watch it, or set \
            read = \"members\""
        );
        r.fail("aggregator", what);
    }
    if let Some(home) = home.as_ref().filter(|home| !hub.regions.contains(home)) {
        let regions: Vec<&str> = hub.regions.iter().map(|region| region.as_str()).collect();
        let what = format!(
            "\"{home}\" is none of the regions of the aggregator {account} ({}), so Security Hub would be read nowhere: add it \
            to regions of that [[accounts]], or name here the one that gathers the findings of all",
            regions.join(", ")
        );
        r.fail("home_region", what);
    }
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
