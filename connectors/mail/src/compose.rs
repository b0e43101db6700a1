//! A draft as bytes: `multipart/mixed` of (`multipart/alternative` of text and HTML) and the attachments.
//!
//! The same draft always gives the same bytes: nothing here reads a clock, and the boundaries follow from the
//! Message-ID. All parts are quoted-printable or base64, in which `=_` cannot occur, and every boundary begins with
//! it: no content can pretend to be the end of its part.

use std::time::SystemTime;

use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue,
};
use lettre::message::{Attachment as Attached, Body, Mailbox, Message, MultiPart, SinglePart};
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::mailing::{Attachment, Envelope, MailDraft};

/// RFC 2046 5.1.1 allows 70 characters; two go to `=_`, two to the part's letter and its hyphen.
const BOUNDARY_ID: usize = 66;
/// RFC 5322 2.1.1: a header line has at most 998 characters.
const HEADER_LINE: usize = 900;
const ATTACHMENT_NAME: usize = 100;

/// Puts a draft into bytes. Fails (`Retry::Never`) on an address that is none, no recipient, a Message-ID without
/// angle brackets, or a date outside 1970–9999.
pub(crate) fn compose(draft: &MailDraft) -> Result<Envelope> {
    let from = mailbox("from", &draft.from)?;
    let to = draft
        .to
        .iter()
        .map(|address| mailbox("to", address))
        .collect::<Result<Vec<_>>>()?;
    if to.is_empty() {
        return Err(refused(
            "mail has no recipient; name at least one under the report's `to`",
        ));
    }
    let message_id = message_id(&draft.message_id)?;
    let mut builder = Message::builder()
        .header(Date::new(instant(draft)?))
        .from(from.clone())
        .subject(one_line(&draft.subject))
        .message_id(Some(message_id.clone()))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"));
    for recipient in &to {
        builder = builder.to(recipient.clone());
    }
    let message = builder
        .multipart(parts(draft, &message_id)?)
        .map_err(|error| {
            refused(format!("mail {message_id} cannot be composed: {error}")).with_source(error)
        })?;
    Ok(Envelope {
        from: from.email.to_string(),
        to: to
            .iter()
            .map(|recipient| recipient.email.to_string())
            .collect(),
        bytes: message.formatted(),
    })
}

fn parts(draft: &MailDraft, message_id: &str) -> Result<MultiPart> {
    let id: String = message_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(BOUNDARY_ID)
        .collect();
    let alternative = MultiPart::alternative()
        .boundary(format!("=_a-{id}"))
        .singlepart(text_part(&draft.text, ContentType::TEXT_PLAIN)?)
        .singlepart(text_part(&draft.html, ContentType::TEXT_HTML)?);
    let mut mixed = MultiPart::mixed()
        .boundary(format!("=_m-{id}"))
        .multipart(alternative);
    for attachment in &draft.attachments {
        mixed = mixed.singlepart(attached(attachment)?);
    }
    Ok(mixed)
}

fn text_part(text: &str, media_type: ContentType) -> Result<SinglePart> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| refused("mail text cannot be encoded as quoted-printable"))?;
    Ok(SinglePart::builder().content_type(media_type).body(body))
}

fn attached(attachment: &Attachment) -> Result<SinglePart> {
    let body = Body::new_with_encoding(attachment.bytes.clone(), ContentTransferEncoding::Base64)
        .map_err(|_| refused("mail attachment cannot be encoded as base64"))?;
    let media_type = ContentType::parse(&one_line(&attachment.media_type)).map_err(|error| {
        refused(format!(
            "attachment {}: the media type is none, write e.g. text/csv",
            file_name(&attachment.name)
        ))
        .with_source(error)
    })?;
    Ok(Attached::new(file_name(&attachment.name)).body(body, media_type))
}

/// `[A-Za-z0-9._-]` only, no leading dot, at most 100 characters (`reliability-security.md` 3.2).
fn file_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .take(ATTACHMENT_NAME)
        .collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        "attachment".to_owned()
    } else {
        name.to_owned()
    }
}

/// An address as lettre's parser reads it, display name included. ASCII only: SMTPUTF8 is not something that every
/// server on the way has.
fn mailbox(role: &str, address: &str) -> Result<Mailbox> {
    let clean = one_line(address);
    let mailbox = clean.parse::<Mailbox>().map_err(|error| {
        refused(format!(
            "mail {role}: \"{clean}\" is no mail address; write name@example.com"
        ))
        .with_source(error)
    })?;
    if !AsRef::<str>::as_ref(&mailbox.email).is_ascii() {
        return Err(refused(format!(
            "mail {role}: \"{clean}\" is not ASCII; write the domain in its xn-- form"
        )));
    }
    Ok(mailbox)
}

fn message_id(id: &str) -> Result<String> {
    let inner = id
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or_default();
    let fine = inner
        .split_once('@')
        .is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
        && inner.len() < HEADER_LINE
        && inner
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>'));
    if fine {
        Ok(id.to_owned())
    } else {
        Err(refused(
            "mail: the Message-ID must have the form <left@right>",
        ))
    }
}

fn instant(draft: &MailDraft) -> Result<SystemTime> {
    let seconds = draft.date.timestamp();
    // The year 10000 and times before 1970 cannot be written in the header's form.
    if !(0..253_402_300_800).contains(&seconds) {
        return Err(refused(format!(
            "mail: the date {} lies outside 1970–9999",
            draft.date
        )));
    }
    Ok(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs()))
}

/// A header value without line breaks, controls and marks that turn the direction of text.
fn one_line(value: &str) -> String {
    let line: String = value
        .chars()
        .map(|c| if breaks_a_line(c) { ' ' } else { c })
        .collect();
    line.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(HEADER_LINE)
        .collect()
}

fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn refused(what: impl Into<String>) -> ConnectorError {
    ConnectorError::new(Retry::Never, what)
}
