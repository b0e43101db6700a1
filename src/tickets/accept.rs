//! What a comment writes: the inbox row, what follows from it, the reply and the events, in the caller's transaction.

use std::collections::HashMap;

use chrono::{DateTime, NaiveTime, Utc};
use poamd_contract::desk::{AuthorKind, Comment, CommentDraft, Text};
use poamd_contract::finding::ResourceRef;
use serde_json::json;

use super::interpreter::{Accepted, Facts, OpenFinding, Verdict, interpret};
use super::replies::{self, Receipt};
use super::{DeskRules, Result, event};
use crate::domain::command;
use crate::domain::finding::FindingStatus;
use crate::domain::ticket::{Effect, comment_key};
use crate::render::templates::Templates;
use crate::store::audit::{self, sha256_hex};
use crate::store::findings::FindingRow;
use crate::store::inbox::{self, CommentRow};
use crate::store::justifications::{self, NewJustification};
use crate::store::records::RecordRow;
use crate::store::tickets::TicketRow;
use crate::store::time::stamp;
use crate::store::{AnyConnection, findings, from_json, items, outbox, records};

/// Answers other than receipts to one author on one ticket in a day (`itsm.md` 4.8); then silence.
const ANSWERS_A_DAY: i64 = 3;
/// The verdict on an accepted comment that was deleted or hidden since.
const GONE: &str = "gone";

/// Where a comment was read.
pub(super) struct Reading<'a> {
    pub desk: &'a DeskRules,
    pub templates: &'a Templates,
    pub ticket: &'a TicketRow,
    pub now: DateTime<Utc>,
    pub actor: &'a str,
}

/// What became of a comment that had not been read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Ours, or read before.
    Known,
    Nothing,
    Accepted,
    Refused,
    Answered,
}

/// Takes one comment. `known` are the rows of its ticket so far, `answered` says whether a reply of ours to it stands
/// on the ticket already.
pub(super) fn take(
    conn: &mut AnyConnection,
    reading: &Reading<'_>,
    comment: &Comment,
    known: &[CommentRow],
    answered: bool,
) -> Result<Taken> {
    if comment.author.kind == AuthorKind::Ourselves {
        return Ok(Taken::Known);
    }
    let hash = sha256_hex(command::comparable(&comment.text).as_bytes());
    let mut versions = known.iter().filter(|row| row.comment_id == comment.id);
    if versions.clone().any(|row| row.content_hash == hash) {
        return Ok(Taken::Known);
    }
    let Some(record) = records::find(conn, reading.ticket.record_id)? else {
        return Ok(Taken::Nothing);
    };
    let on_record = findings::of_record(conn, record.id)?;
    let open = open_findings(conn, &record, &on_record)?;
    let verdict = interpret(
        comment,
        &Facts {
            desk: reading.desk,
            linked_at: reading.ticket.created_at.and_utc(),
            live: record.status.0.is_live(),
            open: &open,
            accepted_before: versions.any(|row| row.verdict == "accepted"),
            now: reading.now,
        },
    );
    let taking = Taking {
        reading,
        comment,
        record: &record,
        open: &open,
        hash,
        answered,
    };
    taking.write(conn, verdict)
}

/// Accepted comments that are no longer to be seen: the decision stands on the text that was kept, and it is said once
/// (`itsm.md` 4.11).
pub(super) fn note_gone(
    conn: &mut AnyConnection,
    reading: &Reading<'_>,
    there: &[Comment],
    known: &[CommentRow],
) -> Result<()> {
    let told = |id: &str| {
        known
            .iter()
            .any(|k| k.comment_id == id && k.verdict == GONE)
    };
    let accepted = known.iter().filter(|k| k.verdict == "accepted");
    for row in accepted {
        if there.iter().any(|c| c.id == row.comment_id) || told(&row.comment_id) {
            continue;
        }
        inbox::insert(
            conn,
            &CommentRow {
                content_hash: String::new(),
                verdict: GONE.to_owned(),
                detail: "the justification stands on the text that was kept".to_owned(),
                read_at: stamp(reading.now),
                ..row.clone()
            },
        )?;
        let ticket = reading.ticket.name();
        tracing::warn!(
            ticket,
            comment = row.comment_id,
            "an accepted justification can no longer be seen on its ticket"
        );
        let body =
            json!({ "desk": reading.desk.name, "ticket": ticket, "comment": row.comment_id });
        let (record, actor) = (reading.ticket.record_id, reading.actor);
        let kind = "justification.comment-gone";
        audit::append(conn, &event(reading.now, actor, kind, record, body))?;
    }
    Ok(())
}

struct Taking<'a> {
    reading: &'a Reading<'a>,
    comment: &'a Comment,
    record: &'a RecordRow,
    open: &'a [OpenFinding],
    hash: String,
    answered: bool,
}

impl Taking<'_> {
    fn write(&self, conn: &mut AnyConnection, verdict: Verdict) -> Result<Taken> {
        match verdict {
            Verdict::Nothing => {
                self.keep(conn, "nothing", "")?;
                Ok(Taken::Nothing)
            }
            Verdict::Accepted(accepted) => {
                self.accept(conn, &accepted)?;
                Ok(Taken::Accepted)
            }
            Verdict::Edited => self.edited(conn),
            Verdict::Refused { cause, explain } => {
                let author = &self.comment.author.display;
                let body = replies::refusal(
                    self.reading.templates,
                    self.record.id,
                    author,
                    &cause,
                    explain,
                )?;
                if !self.answer(conn, "refused", &cause, body)? {
                    return Ok(Taken::Refused);
                }
                let detail = json!({ "desk": self.reading.desk.name, "ticket": self.reading.ticket.name(),
                    "comment": self.comment.id, "author": self.comment.author.id, "cause": cause });
                self.note(conn, "justification.refused", detail)?;
                Ok(Taken::Refused)
            }
            Verdict::Status => {
                let newest = justifications::of_record(conn, self.record.id)?;
                let in_force = newest.iter().find(|j| j.state == justifications::ACCEPTED);
                let body = replies::status(self.record, self.items(None), in_force);
                self.answer(conn, "answered", "status", body)?;
                Ok(Taken::Answered)
            }
            Verdict::Help => {
                self.answer(conn, "answered", "help", replies::help())?;
                Ok(Taken::Answered)
            }
        }
    }

    /// Answers unless this author had their share for today; false then.
    fn answer(
        &self,
        conn: &mut AnyConnection,
        verdict: &str,
        detail: &str,
        body: Text,
    ) -> Result<bool> {
        let today = self
            .reading
            .now
            .date_naive()
            .and_time(NaiveTime::MIN)
            .and_utc();
        let ticket = self.reading.ticket.id;
        let given = inbox::answers_since(conn, ticket, &self.comment.author.id, today)?;
        if given >= ANSWERS_A_DAY {
            tracing::info!(
                ticket = self.reading.ticket.name(),
                comment = self.comment.id,
                "no further answer to this author today"
            );
            self.keep(conn, "silent", detail)?;
            return Ok(false);
        }
        self.keep(conn, verdict, detail)?;
        self.reply(conn, &self.hash[..16], body)?;
        Ok(true)
    }

    fn accept(&self, conn: &mut AnyConnection, accepted: &Accepted) -> Result<()> {
        let (reading, comment) = (self.reading, self.comment);
        let verbatim_sha256 = sha256_hex(comment.text.as_bytes());
        let fingerprints: Vec<&str> = accepted.fingerprints.iter().map(String::as_str).collect();
        self.keep(conn, "accepted", "justify")?;
        let id = justifications::insert(
            conn,
            &NewJustification {
                record_id: self.record.id,
                desk: reading.desk.name.clone(),
                ticket_key: reading.ticket.name().to_owned(),
                comment_id: comment.id.clone(),
                author_id: comment.author.id.clone(),
                author: comment.author.display.clone(),
                reason: accepted.reason.clone(),
                verbatim: comment.text.clone(),
                verbatim_sha256: verbatim_sha256.clone(),
                state: justifications::ACCEPTED.to_owned(),
                commented_at: stamp(comment.created),
                accepted_at: stamp(reading.now),
                expires_at: stamp(accepted.expires_at),
            },
            &self.record.account,
            &fingerprints,
        )?;
        findings::set_justified(conn, &self.record.account, &fingerprints, true, reading.now)?;
        let (before, after) = justifications::rescore(conn, self.record.id, reading.now)?;
        let detail = json!({
            "justification": id, "desk": reading.desk.name, "ticket": reading.ticket.name(),
            "comment": comment.id, "author": comment.author.id, "shown_as": comment.author.display,
            "until": accepted.until, "sha256": verbatim_sha256, "findings": accepted.fingerprints,
            "unjustified_score": { "from": before, "to": after },
        });
        self.note(conn, "justification.accepted", detail)?;
        let receipt = replies::receipt(
            reading.templates,
            &Receipt {
                record: self.record.id,
                author: &comment.author.display,
                reason: &accepted.reason,
                items: self.items(Some(&accepted.fingerprints)),
                at: reading.now,
                until: accepted.until,
                hash: &verbatim_sha256,
            },
        )?;
        self.reply(conn, &self.hash[..16], receipt)
    }

    /// The decision stands on the text that was kept; people are told once (`itsm.md` 4.11).
    fn edited(&self, conn: &mut AnyConnection) -> Result<Taken> {
        self.keep(conn, "edited", "")?;
        let comment = self.comment;
        let detail = json!({ "desk": self.reading.desk.name, "ticket": self.reading.ticket.name(), "comment": comment.id,
            "changed_by": comment.updated_by, "sha256_now": sha256_hex(comment.text.as_bytes()) });
        self.note(conn, "justification.text-differs", detail)?;
        let cause = "the comment was changed after it was taken; the justification stands on the text as it was then, a new one takes a new comment";
        let body = replies::refusal(
            self.reading.templates,
            self.record.id,
            &comment.author.display,
            cause,
            false,
        )?;
        // Not per text: however often it is changed again, it is said once.
        self.reply(conn, "edited", body)?;
        Ok(Taken::Refused)
    }

    fn keep(&self, conn: &mut AnyConnection, verdict: &str, detail: &str) -> Result<()> {
        let comment = self.comment;
        inbox::insert(
            conn,
            &CommentRow {
                desk: self.reading.desk.name.clone(),
                comment_id: comment.id.clone(),
                content_hash: self.hash.clone(),
                ticket_id: self.reading.ticket.id,
                author_id: comment.author.id.clone(),
                verdict: verdict.to_owned(),
                detail: detail.chars().take(500).collect(),
                commented_at: stamp(comment.created),
                read_at: stamp(self.reading.now),
            },
        )?;
        Ok(())
    }

    /// One reply for each comment and `version` of it. One that stands there already (a ledger restored from a backup)
    /// is not repeated.
    fn reply(&self, conn: &mut AnyConnection, version: &str, body: Text) -> Result<()> {
        if self.answered && version != "edited" {
            return Ok(());
        }
        let desk = &self.reading.desk.name;
        let idempotency = format!("{desk}/reply/{}/{version}", self.comment.id);
        let draft = CommentDraft {
            body,
            reply_to: Some(self.comment.id.clone()),
            key: comment_key(&idempotency),
        };
        outbox::enqueue(
            conn,
            self.reading.ticket.id,
            desk,
            &idempotency,
            &Effect::Comment { draft },
            self.reading.now,
        )?;
        Ok(())
    }

    fn note(
        &self,
        conn: &mut AnyConnection,
        kind: &'static str,
        body: serde_json::Value,
    ) -> Result<()> {
        let actor = match kind {
            "justification.accepted" => format!("person:{}", self.comment.author.id),
            _ => self.reading.actor.to_owned(),
        };
        let event = event(self.reading.now, &actor, kind, self.record.id, body);
        audit::append(conn, &event)?;
        Ok(())
    }

    /// Items behind these findings, or behind all that are open.
    fn items(&self, fingerprints: Option<&[String]>) -> usize {
        let mut arns: Vec<&str> = self
            .open
            .iter()
            .filter(|f| fingerprints.is_none_or(|only| only.contains(&f.fingerprint)))
            .map(|f| f.arn.as_str())
            .collect();
        arns.sort_unstable();
        arns.dedup();
        arns.len()
    }
}

fn open_findings(
    conn: &mut AnyConnection,
    record: &RecordRow,
    on_record: &[FindingRow],
) -> Result<Vec<OpenFinding>> {
    let still: Vec<&FindingRow> = on_record
        .iter()
        .filter(|f| f.status.0 != FindingStatus::Fixed)
        .collect();
    let arns: Vec<&str> = still.iter().map(|f| f.arn.as_str()).collect();
    let known = items::by_arns(conn, &record.account, &arns)?;
    let names: HashMap<&str, &str> = known
        .iter()
        .map(|(arn, item)| (arn.as_str(), item.name.as_str()))
        .collect();
    still
        .into_iter()
        .map(|f| {
            let name = match names.get(f.arn.as_str()) {
                Some(name) => (*name).to_owned(),
                None => {
                    let what = format!("finding {}: resources", f.fingerprint);
                    let resources: Vec<ResourceRef> = from_json(&what, &f.resources)?;
                    let named = resources.into_iter().find(|r| r.id == f.arn);
                    named.map(|r| r.name).unwrap_or_default()
                }
            };
            Ok(OpenFinding {
                fingerprint: f.fingerprint.clone(),
                arn: f.arn.clone(),
                name,
            })
        })
        .collect()
}
