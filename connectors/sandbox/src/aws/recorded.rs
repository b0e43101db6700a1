//! EC2, IAM and S3: recorded replies, found by account, operation and what the call is about.

use super::call::Call;
use super::reply::{Answer, Refusal};
use crate::estate::{Estate, EstateAccount, RecordedReply};

const NO_GROUPS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeSecurityGroupsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId><securityGroupInfo/></DescribeSecurityGroupsResponse>";

pub fn answer(call: &Call, estate: &Estate) -> Result<Answer, Refusal> {
    let account = estate.account(&call.account);
    let replies = account
        .map(|account| account.replies.as_slice())
        .unwrap_or_default();
    let candidates: Vec<&RecordedReply> = replies
        .iter()
        .filter(|reply| reply.service == call.service && reply.operation == call.operation)
        .collect();
    let found = match call.service.as_str() {
        "ec2" => return security_groups(call, estate, &candidates),
        "s3" => bucket(call, account, &candidates)?,
        _ => iam(call, &candidates)?,
    };
    let mut body = found.render(estate.now);
    if call.operation == "GetAccountAuthorizationDetails" {
        body = only_sections(body, call);
    }
    Ok(Answer::xml(found.status, body))
}

fn security_groups(
    call: &Call,
    estate: &Estate,
    candidates: &[&RecordedReply],
) -> Result<Answer, Refusal> {
    if call.operation != "DescribeSecurityGroups" {
        return Err(Refusal::new(
            400,
            "InvalidAction",
            format!("The action {} is not valid here", call.operation),
        ));
    }
    if let Some(name) = call
        .form
        .keys()
        .find(|name| name.starts_with("Filter.") || name.starts_with("Group"))
    {
        return Err(Refusal::new(
            400,
            "InvalidParameterValue",
            format!("the stand-in lists all groups: it has no {name}"),
        ));
    }
    let here = candidates.iter().find(|reply| reply.region == call.region);
    Ok(here.map_or_else(
        || Answer::xml(200, NO_GROUPS.to_owned()),
        |r| Answer::xml(r.status, r.render(estate.now)),
    ))
}

/// A bucket's settings are answered in its own region only, as in AWS; its location anywhere.
fn bucket<'a>(
    call: &Call,
    account: Option<&EstateAccount>,
    candidates: &[&'a RecordedReply],
) -> Result<&'a RecordedReply, Refusal> {
    let Some(name) = &call.subject else {
        return candidates
            .first()
            .copied()
            .ok_or_else(|| Refusal::new(403, "AccessDenied", "Access Denied"));
    };
    let missing = || Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist");
    let reply = candidates
        .iter()
        .find(|reply| reply.key.get("Bucket") == Some(name))
        .ok_or_else(missing)?;
    let resource = account.and_then(|a| {
        a.resources
            .iter()
            .find(|r| r.technology == "s3" && r.name == *name)
    });
    let home = resource.map_or(reply.region.as_str(), |resource| resource.region.as_str());
    if home != call.region && call.operation != "GetBucketLocation" {
        let message = format!(
            "The bucket you are attempting to access must be addressed using the endpoint of {home}"
        );
        return Err(Refusal::new(301, "PermanentRedirect", message));
    }
    Ok(reply)
}

/// By the parameters that it was recorded for (`UserName`, `PolicyArn` …).
fn iam<'a>(call: &Call, candidates: &[&'a RecordedReply]) -> Result<&'a RecordedReply, Refusal> {
    if candidates.is_empty() {
        let message = format!(
            "Could not find operation {} for version 2010-05-08",
            call.operation
        );
        return Err(Refusal::new(400, "InvalidAction", message));
    }
    let fits = |reply: &&&RecordedReply| {
        reply
            .key
            .iter()
            .all(|(name, value)| call.form.get(name) == Some(value))
    };
    candidates.iter().find(fits).copied().ok_or_else(|| {
        if call.operation == "ListPolicies" {
            return Refusal::new(
                400,
                "ValidationError",
                "the stand-in lists policies with Scope=Local only",
            );
        }
        Refusal::new(
            404,
            "NoSuchEntity",
            format!("{} cannot find what it is asked about", call.operation),
        )
    })
}

/// `Filter.member.N` and the list of the reply it lets through.
const SECTIONS: [(&str, &str); 4] = [
    ("User", "UserDetailList"),
    ("Group", "GroupDetailList"),
    ("Role", "RoleDetailList"),
    ("LocalManagedPolicy", "Policies"),
];

fn only_sections(mut body: String, call: &Call) -> String {
    let wanted: Vec<&String> = call
        .form
        .iter()
        .filter(|(name, _)| name.starts_with("Filter.member."))
        .map(|(_, value)| value)
        .collect();
    if wanted.is_empty() {
        return body;
    }
    for (filter, list) in SECTIONS {
        if wanted.iter().any(|word| *word == filter) {
            continue;
        }
        let (open, close) = (format!("<{list}>"), format!("</{list}>"));
        if let (Some(start), Some(end)) = (body.find(&open), body.rfind(&close)) {
            body.replace_range(start..end + close.len(), &format!("<{list}/>"));
        }
    }
    body
}
