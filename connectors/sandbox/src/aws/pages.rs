//! Pages and their tokens. A token belongs to the parameters it was given for, as the services have it.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::call::Call;
use serde_json::Value;

/// Stands in a token once for each empty page before it.
const AGAIN: &str = " again";

/// How pages are cut.
pub struct Pages {
    /// Name the same token again instead of the next one.
    pub repeat: bool,
    /// Give nothing, and another token of the page that was asked for.
    pub empty: bool,
}

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPage {
    /// The size is outside what the service publishes.
    Size,
    /// The token is none of ours, or was given for other parameters.
    Token,
}

impl Pages {
    /// One page of `all` and the token of the next. `names` are the parameters' names of size and token.
    pub fn cut<'a, T>(
        &self,
        call: &Call,
        names: (&str, &str),
        largest: usize,
        all: &'a [T],
    ) -> Result<(&'a [T], Option<String>), BadPage> {
        let (size_name, token_name) = names;
        let given = |name: &str| match call.form.get(name) {
            Some(text) => Value::from(text.as_str()),
            None => call.json.get(name).cloned().unwrap_or_default(),
        };
        let size = match given(size_name) {
            Value::Null => largest,
            Value::Number(number) => number
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
            Value::String(text) => text.parse().unwrap_or(0),
            _ => 0,
        };
        if size == 0 || size > largest {
            return Err(BadPage::Size);
        }
        let query = fingerprint(call, size_name, token_name);
        let token = given(token_name);
        let (start, again) = match token.as_str() {
            None | Some("") if !matches!(token, Value::Number(_) | Value::Bool(_)) => (0, 0),
            Some(text) => offset(text, &query).ok_or(BadPage::Token)?,
            None => return Err(BadPage::Token),
        };
        let start = start.min(all.len());
        let end = (start + size).min(all.len());
        let end = if self.empty { start } else { end };
        let next = if self.repeat && start > 0 { start } else { end };
        let more = self.repeat || end < all.len();
        Ok((
            &all[start..end],
            more.then(|| {
                // An empty page moves on too: its token differs from the one it was asked for with.
                let mark = if self.empty {
                    AGAIN.repeat(again + 1)
                } else {
                    String::new()
                };
                BASE64URL_NOPAD.encode(format!("{next} {query}{mark}").as_bytes())
            }),
        ))
    }
}

/// The place of a token, and how many empty pages were given in its stead.
fn offset(token: &str, query: &str) -> Option<(usize, usize)> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
    let (start, rest) = text.split_once(' ')?;
    let again = rest.strip_prefix(query)?;
    let count = again.matches(AGAIN).count();
    let ours = again.len() == count * AGAIN.len();
    Some((start.parse().ok().filter(|_| ours)?, count))
}

/// What a query is known by from page to page.
pub fn query(call: &Call, names: (&str, &str)) -> String {
    fingerprint(call, names.0, names.1)
}

/// Everything that must stay the same from page to page.
fn fingerprint(call: &Call, size: &str, token: &str) -> String {
    let mut json = call.json.clone();
    if let Value::Object(fields) = &mut json {
        fields.remove(token);
        fields.remove(size);
    }
    let hash = Sha256::new()
        .chain_update(call.place())
        .chain_update(json.to_string());
    data_encoding::HEXLOWER.encode(&hash.finalize()[..8])
}
