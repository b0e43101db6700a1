//! The mails that were accepted: in memory, and as files if there is a folder for them.

use std::io;
use std::path::Path;

use serde_json::json;

use super::Inner;
use crate::history::{Record, Reply};

/// One accepted mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Envelope sender, empty for the null sender.
    pub from: String,
    /// Envelope recipients that were accepted.
    pub to: Vec<String>,
    /// As sent, dots unstuffed, lines ending in CRLF.
    pub bytes: Vec<u8>,
    /// Whether the answer to the final dot was sent.
    pub answered: bool,
}

impl Mail {
    /// A header's value, unfolded; encoded words stay encoded.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut found: Option<String> = None;
        for line in text.split("\r\n").take_while(|line| !line.is_empty()) {
            match (&mut found, line.strip_prefix([' ', '\t'])) {
                (Some(value), Some(more)) => {
                    value.push(' ');
                    value.push_str(more.trim_start());
                }
                (Some(_), None) => break,
                (None, _) => {
                    let field = line.split_once(':');
                    let hit = field.filter(|(field, _)| field.eq_ignore_ascii_case(name));
                    found = hit.map(|(_, value)| value.trim().to_owned());
                }
            }
        }
        found
    }

    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// Lower case letters, digits and single dashes; at most 60 of them.
    fn slug(&self) -> String {
        let mut slug = String::new();
        for character in self.subject().chars().flat_map(char::to_lowercase) {
            if character.is_ascii_alphanumeric() {
                slug.push(character);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug: String = slug.trim_matches('-').chars().take(60).collect();
        if slug.is_empty() {
            "no-subject".to_owned()
        } else {
            slug
        }
    }
}

/// Keeps a mail; it counts as accepted from here on.
///
/// # Errors
/// If the file cannot be written; the mail is then not kept.
pub(super) fn keep(inner: &Inner, mail: Mail) -> io::Result<()> {
    let mut state = inner.state();
    let number = state.mails.len() + 1;
    let file = format!("{number:03}-{}.eml", mail.slug());
    if let Some(folder) = &inner.mails {
        write_whole(folder, &file, &mail.bytes)?;
    }
    let reply = if mail.answered {
        Reply::Delivered
    } else {
        Reply::Dropped
    };
    let record = Record::new("smtp", "mail.accepted")
        .id(mail.header("Message-ID").unwrap_or_default())
        .key(file)
        .actor(mail.from.clone())
        .outcome("accepted")
        .reply(reply)
        .detail(json!({ "to": mail.to, "subject": mail.subject(), "bytes": mail.bytes.len() }));
    state.mails.push(mail);
    drop(state);
    inner.history.record(record);
    Ok(())
}

/// Under another name first, so that nobody reads half a mail.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = folder.join(format!(".{name}.part"));
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, folder.join(name))
}
