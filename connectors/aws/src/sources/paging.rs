//! Reading a service page by page: each page goes to the sink before the next is asked, and a chain
//! of tokens that bites its own tail ends as partial (`reliability-security.md` F6).

use std::error::Error;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::source::PageSink;
use poamd_formats::Format;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::cell::{Cell, Sent};
use crate::error::{Kind, Trouble};
use crate::operation::Operation;
use crate::tape::Tape;
use crate::tokens::{Step, Tokens};

/// How a service's pages are to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub operation: &'static Operation,
    pub format: Format,
    pub channel: Channel,
    /// The field of the reply that holds the next page's token.
    pub token: &'static str,
}

/// A service that lists ids and gives details for some of them at a time.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    pub operation: &'static Operation,
    /// The field of the reply that holds the ids.
    pub ids: &'static str,
    pub token: &'static str,
    /// How many ids one call for details takes.
    pub chunk: usize,
}

/// Reads a service whose pages hold the findings themselves. `send` starts a call for a token's page.
pub(super) async fn pull<O, E, F>(
    cell: &Cell,
    reading: Reading,
    sink: &mut dyn PageSink,
    mut send: F,
) -> Result<Coverage>
where
    O: Send + 'static,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    F: FnMut(Option<String>, Tape) -> Sent<O, E> + Send,
{
    let mut chain = Chain::new(reading.token);
    loop {
        let token = chain.tokens.next();
        match cell
            .raw(reading.operation, |tape| send(token.clone(), tape))
            .await
        {
            Ok(body) => {
                chain.damaged |= hand_over(cell, reading, chain.read + 1, &body, sink).await?;
                if let Some(coverage) = chain.turn(cell, reading.operation, &body) {
                    return Ok(coverage);
                }
            }
            Err(trouble) if trouble.kind == Kind::TokenRejected && chain.restart() => {}
            Err(trouble) => return Ok(trouble.coverage(chain.read)),
        }
    }
}

/// Reads a service that lists ids: `list` starts a call for a token's page of ids, `detail` one for the findings
/// of some ids.
pub(super) async fn pull_listed<O, E, F, P, D, G>(
    cell: &Cell,
    listing: Listing,
    reading: Reading,
    sink: &mut dyn PageSink,
    mut list: F,
    mut detail: G,
) -> Result<Coverage>
where
    O: Send + 'static,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    F: FnMut(Option<String>, Tape) -> Sent<O, E> + Send,
    P: Send + 'static,
    D: ProvideErrorMetadata + Error + Send + Sync + 'static,
    G: FnMut(Vec<String>, Tape) -> Sent<P, D> + Send,
{
    let mut chain = Chain::new(listing.token);
    let mut taken = 0;
    loop {
        let token = chain.tokens.next();
        let body = match cell
            .raw(listing.operation, |tape| list(token.clone(), tape))
            .await
        {
            Ok(body) => body,
            Err(trouble) if trouble.kind == Kind::TokenRejected && chain.restart() => continue,
            Err(trouble) => return Ok(trouble.coverage(chain.read)),
        };
        for ids in strings(&body, listing.ids).chunks(listing.chunk) {
            match cell
                .raw(reading.operation, |tape| detail(ids.to_vec(), tape))
                .await
            {
                Ok(body) => {
                    taken += 1;
                    chain.damaged |= hand_over(cell, reading, taken, &body, sink).await?;
                }
                Err(trouble) => return Ok(trouble.coverage(taken)),
            }
        }
        if let Some(coverage) = chain.turn(cell, listing.operation, &body) {
            return Ok(coverage);
        }
    }
}

/// A health check: whether a cell can be had, and what a first small call says.
pub(super) async fn check<F>(source: &str, cell: Result<Cell, Trouble>, ask: F) -> Check
where
    F: for<'a> FnOnce(&'a Cell) -> BoxFuture<'a, Result<(), Trouble>>,
{
    let cell = match cell {
        Ok(cell) => cell,
        Err(trouble) => return Check::failed(format!("source {source}"), trouble.what),
    };
    let name = format!(
        "source {source}: account {} region {}",
        cell.account, cell.region
    );
    match ask(&cell).await {
        Ok(()) => Check::ok(name, "can be read"),
        Err(trouble) if trouble.kind == Kind::Off => Check::warning(name, trouble.what),
        Err(trouble) => Check::failed(name, trouble.what),
    }
}

/// Parses a page and gives it to the sink; true if something on it could not be read.
async fn hand_over(
    cell: &Cell,
    reading: Reading,
    number: usize,
    body: &[u8],
    sink: &mut dyn PageSink,
) -> Result<bool> {
    let Operation { service, name, .. } = reading.operation;
    let place = format!(
        "{}/{}/{service} {name} page {number}",
        cell.account, cell.region
    );
    let page = poamd_formats::parse_page(reading.format, reading.channel, &place, body);
    let damaged = page.damaged;
    sink.page(page).await.map(|()| damaged)
}

/// A chain of page tokens.
struct Chain {
    field: &'static str,
    tokens: Tokens,
    read: usize,
    /// A page held something that could not be read.
    damaged: bool,
    restarted: bool,
}

impl Chain {
    fn new(field: &'static str) -> Self {
        Self {
            field,
            tokens: Tokens::default(),
            read: 0,
            damaged: false,
            restarted: false,
        }
    }

    /// Moves on by what `body` says; the coverage if the chain ends here.
    fn turn(
        &mut self,
        cell: &Cell,
        operation: &'static Operation,
        body: &[u8],
    ) -> Option<Coverage> {
        self.read += 1;
        let broken = |cause: &str| {
            let trouble = Trouble::unusable(&cell.place(operation), cause);
            Some(Coverage::Partial {
                reason: trouble.what,
            })
        };
        let token = match next_token(body, self.field) {
            Ok(token) => token,
            Err(error) => {
                return broken(&format!(
                    "page {} is not whole JSON ({error}), so the next is not known",
                    self.read
                ));
            }
        };
        match self.tokens.advance(token) {
            Step::Last if self.damaged => {
                broken("findings on a page could not be read; see those set aside")
            }
            Step::Last => Some(Coverage::Complete),
            Step::More => None,
            Step::Circle => broken(&format!(
                "page {} gave a page token that was used before",
                self.read
            )),
        }
    }

    /// A rejected token starts the chain again, once.
    fn restart(&mut self) -> bool {
        let may = !self.restarted && self.tokens.next().is_some();
        if may {
            self.restarted = true;
            self.tokens = Tokens::default();
        }
        may
    }
}

/// The token in `field` of a reply; an empty one is none. Nothing else of the reply is looked at, so a
/// finding of bad form does not stop the chain.
fn next_token(body: &[u8], field: &str) -> serde_json::Result<Option<String>> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let token = TokenSeeker(field).deserialize(&mut reader)?;
    reader.end()?;
    Ok(token)
}

struct TokenSeeker<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for TokenSeeker<'_> {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TokenSeeker<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut token = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.0 {
                token = map
                    .next_value::<Value>()?
                    .as_str()
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(token)
    }
}

/// The texts of the list in `field` of a reply; none if there is no such list.
pub(super) fn strings(body: &[u8], field: &str) -> Vec<String> {
    let reply: Value = serde_json::from_slice(body).unwrap_or_default();
    let list = reply.get(field).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tokens_are_read_whatever_the_findings_are() {
        for (body, expected) in [
            (r#"{"Findings":[],"NextToken":"a"}"#, Some("a")),
            (
                r#"{"NextToken":"a","Findings":[{"Id":3,"T":"\ud800"}]}"#,
                Some("a"),
            ),
            (r#"{"Findings":[],"NextToken":""}"#, None),
            (r#"{"Findings":[],"NextToken":null}"#, None),
            (r#"{"Findings":[{"NextToken":"inner"}]}"#, None),
        ] {
            assert_eq!(
                next_token(body.as_bytes(), "NextToken").unwrap().as_deref(),
                expected,
                "{body}"
            );
        }
        for cut in [
            r#"{"Findings":[{"Id":"#,
            "<html>",
            "",
            "[]",
            r#"{"NextToken":"a"} trailing"#,
        ] {
            assert!(next_token(cut.as_bytes(), "NextToken").is_err(), "{cut}");
        }
    }

    #[test]
    fn deep_and_wide_pages_are_no_trouble() {
        let deep = format!(
            r#"{{"Findings":{}{},"NextToken":"t"}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert_eq!(
            next_token(deep.as_bytes(), "NextToken").unwrap().as_deref(),
            Some("t")
        );
    }

    #[test]
    fn lists_of_ids_skip_what_is_no_text() {
        assert_eq!(
            strings(br#"{"findingIds":["a",1,null,"b"]}"#, "findingIds"),
            ["a", "b"]
        );
        assert!(strings(b"{}", "findingIds").is_empty());
        assert!(strings(b"<html>", "findingIds").is_empty());
    }
}
