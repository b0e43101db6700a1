//! The scripted people: one who may justify, one who may not. They type into the stand-ins, past poamd, as people
//! type into a ticket.

use poamd_sandbox::jira;
use poamd_sandbox::servicenow::options as servicenow;

use super::stage::Stage;
use crate::cli::failure::Failure;
use crate::query::poam::PoamView;

/// What the person who may justify types; a second line, as people do.
const REASON: &str = "/justify The bastion host is the emergency way in for the on-call team; access is logged and the \
                      source networks are being narrowed under change CHG0041277.";
const PLEA: &str = "/justify We have always had it like this and nobody ever complained about it.";

/// Who answered where.
pub struct Answers {
    pub allowed: Answer,
    pub refused: Answer,
}

pub struct Answer {
    pub record: String,
    pub ticket: String,
    pub person: &'static str,
}

/// Lets both answer: the allowed one on the record that our scan and Security Hub both saw, the other on a record of the
/// GovCloud account.
pub fn answer(stage: &Stage, records: &[PoamView]) -> Result<Answers, Failure> {
    let joint = records
        .iter()
        .find(|r| r.sources.len() > 1 && on_desk(r, "jira").is_some())
        .or_else(|| records.iter().find(|r| on_desk(r, "jira").is_some()));
    let other = records.iter().find(|r| on_desk(r, "servicenow").is_some());
    let (Some(joint), Some(other)) = (joint, other) else {
        return Err(Failure::work(
            "the demo has no tickets to answer on; see history.jsonl for what the stand-ins were asked",
        ));
    };
    let allowed = Answer {
        record: joint.id.to_string(),
        ticket: on_desk(joint, "jira").unwrap_or_default(),
        person: "Ada (may justify)",
    };
    let refused = Answer {
        record: other.id.to_string(),
        ticket: on_desk(other, "servicenow").unwrap_or_default(),
        person: "Sam (may not)",
    };
    stage
        .jira
        .person_comments(&allowed.ticket, jira::users::ALLOWED, REASON)
        .map_err(|e| Failure::work(format!("the Jira stand-in took no comment: {e:?}")))?;
    stage
        .servicenow
        .person_comments(&refused.ticket, servicenow::STRANGER, "work_notes", PLEA)
        .map_err(|e| Failure::work(format!("the ServiceNow stand-in took no comment: {e:?}")))?;
    Ok(Answers { allowed, refused })
}

/// The key of a record's ticket on a desk.
fn on_desk(record: &PoamView, desk: &str) -> Option<String> {
    record
        .tickets
        .iter()
        .find(|t| t.desk == desk)
        .map(|t| t.key.clone())
}
