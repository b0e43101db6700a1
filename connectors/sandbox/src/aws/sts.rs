//! STS: `AssumeRole` with the trust policy's external id, and `GetCallerIdentity`.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::call::Call;
use super::keys::{Holder, Keys};
use super::reply::{Answer, Refusal, escape, namespace};
use crate::estate::{Estate, EstateAccount};

pub fn answer(
    call: &Call,
    estate: &Estate,
    keys: &Keys,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> Result<Answer, Refusal> {
    match call.operation.as_str() {
        "GetCallerIdentity" => Ok(caller_identity(call)),
        "AssumeRole" => assume_role(call, estate, keys, now, life),
        other => Err(Refusal::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

fn caller_identity(call: &Call) -> Answer {
    let id = call.principal.rsplit('/').next().unwrap_or_default();
    wrap(
        "GetCallerIdentity",
        &format!(
            "<Arn>{}</Arn><UserId>AIDASANDBOX:{}</UserId><Account>{}</Account>",
            escape(&call.principal),
            escape(id),
            call.account
        ),
    )
}

fn assume_role(
    call: &Call,
    estate: &Estate,
    keys: &Keys,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> Result<Answer, Refusal> {
    let role = parameter(call, "RoleArn")?;
    let session = parameter(call, "RoleSessionName")?;
    check_session(session)?;
    let seconds = match call
        .form
        .get("DurationSeconds")
        .map(|text| text.parse::<i64>())
    {
        None => life.num_seconds(),
        Some(Ok(seconds @ 900..=43_200)) => seconds,
        Some(_) => return Err(invalid("durationSeconds must be between 900 and 43200")),
    };
    let denied = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
            call.principal
        );
        Refusal::new(403, "AccessDenied", message)
    };
    // A role that does not exist, and one that does not trust the caller, look the same from outside.
    let account = estate
        .accounts()
        .iter()
        .find(|account| role_arn(account) == role)
        .ok_or_else(denied)?;
    if account.external_id.is_some() && call.form.get("ExternalId") != account.external_id.as_ref()
    {
        return Err(denied());
    }
    let arn = format!(
        "arn:{}:sts::{}:assumed-role/{}/{session}",
        account.partition, account.id, account.role
    );
    let issued = keys.issue(
        Holder {
            account: account.id.clone(),
            arn: arn.clone(),
        },
        now + TimeDelta::try_seconds(seconds).unwrap_or_default(),
    );
    Ok(wrap(
        "AssumeRole",
        &format!(
            "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROASANDBOX{}:{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
            issued.key,
            issued.secret,
            issued.token,
            issued.expires.to_rfc3339_opts(SecondsFormat::Secs, true),
            account.id,
            escape(session),
            escape(&arn)
        ),
    ))
}

fn role_arn(account: &EstateAccount) -> String {
    format!(
        "arn:{}:iam::{}:role/{}",
        account.partition, account.id, account.role
    )
}

fn parameter<'a>(call: &'a Call, name: &str) -> Result<&'a str, Refusal> {
    let missing = || {
        invalid(&format!(
            "Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    };
    call.form.get(name).map(String::as_str).ok_or_else(missing)
}

/// `[\w+=,.@-]{2,64}`
fn check_session(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&name.len()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(invalid(
            "roleSessionName must satisfy regular expression pattern: [\\w+=,.@-]* and be 2 to 64 long",
        ))
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

fn wrap(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"{}\"><{operation}Result>{result}</{operation}Result><ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata></{operation}Response>",
        namespace("sts")
    );
    Answer::xml(200, body)
}
