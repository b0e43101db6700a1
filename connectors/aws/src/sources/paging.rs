//! A chain of pages: each is asked for when the one before it has been read, and one that bites its own tail ends as
//! partial (`reliability-security.md` F6).

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::{Cursor, Page};
use poamd_formats::Format;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::shards::Slice;
use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::Operation;
use crate::tape::Body;
use crate::tokens::{Step, Tokens};

/// Empty pages in a row, each with the token of another, after which a chain is given up: services may give some.
const EMPTY: usize = 50;

/// How a service's pages are to be read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// The call whose replies hold the findings.
    pub operation: &'static Operation,
    pub format: Format,
    pub channel: Channel,
    /// The field of a listing that holds the next page's token.
    pub token: &'static str,
    /// When a finding was made, as the service's own criterion has it.
    pub made: fn(&FindingReport) -> Option<DateTime<Utc>>,
}

/// One page as a service gives it.
pub(super) struct Leaf {
    /// The replies that hold findings.
    pub bodies: Vec<Body>,
    /// The reply that names the next page, if that is not the only one of `bodies`.
    pub listing: Option<Body>,
}

/// A service that is read page by page.
#[async_trait]
pub(super) trait Book: Send + Sync {
    fn cell(&self) -> &Cell;

    fn reading(&self) -> Reading;

    /// The page of a token; the first without one.
    async fn leaf(&self, slice: &Slice, token: Option<String>) -> Result<Leaf, Trouble>;
}

/// A chain of page tokens through one slice.
pub(super) struct Chain {
    slice: Slice,
    tokens: Tokens,
    read: usize,
    /// Pages in a row that held nothing.
    empty: usize,
    /// A page held something that could not be read.
    damaged: bool,
    restarted: bool,
}

/// What came of asking for one more page.
pub(super) enum Turn {
    /// A page; with it how the chain ended, if it did.
    Page(Page, Option<Coverage>),
    /// The token was rejected: the chain begins again.
    Again,
    Trouble(Trouble),
}

impl Chain {
    pub fn new(slice: Slice) -> Self {
        Self {
            slice,
            tokens: Tokens::default(),
            read: 0,
            empty: 0,
            damaged: false,
            restarted: false,
        }
    }

    /// Where an interrupted one stopped.
    pub fn resumed(slice: Slice, cursor: &Cursor) -> Self {
        let mut chain = Self::new(slice);
        chain.tokens.advance(cursor.token.clone());
        chain.damaged = cursor.damaged;
        chain
    }

    /// Where it is before its first page.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            shard: self.slice.name(),
            token: self.tokens.next(),
            done: false,
            damaged: self.damaged,
        }
    }

    /// Asks for the next page. A rejected token starts the chain again, once.
    pub async fn turn(&mut self, book: &dyn Book) -> Turn {
        let leaf = match book.leaf(&self.slice, self.tokens.next()).await {
            Ok(leaf) => leaf,
            Err(trouble) if trouble.kind == Kind::TokenRejected && self.restart() => {
                return Turn::Again;
            }
            Err(trouble) => return Turn::Trouble(trouble),
        };
        self.read += 1;
        let mut page = Page::default();
        for body in &leaf.bodies {
            let part = self.parse(book, body);
            self.damaged |= part.damaged;
            page.reports.extend(part.reports);
            page.set_aside.extend(part.set_aside);
            page.damaged |= part.damaged;
        }
        let nothing = page.reports.is_empty() && page.set_aside.is_empty();
        self.empty = if nothing { self.empty + 1 } else { 0 };
        let listing = leaf.listing.as_ref().or(leaf.bodies.first());
        page.request = listing.and_then(|body| body.request.clone());
        let end = self.advance(book, listing.map(|body| &**body).unwrap_or_default());
        page.cursors.push(Cursor {
            done: end.is_some(),
            damaged: self.damaged || end.as_ref().is_some_and(|c| !c.is_complete()),
            ..self.cursor()
        });
        Turn::Page(page, end)
    }

    fn parse(&self, book: &dyn Book, body: &[u8]) -> Page {
        let (cell, reading) = (book.cell(), book.reading());
        let Operation { service, name, .. } = reading.operation;
        let place = format!(
            "{}/{}/{service} {name} page {}",
            cell.account, cell.region, self.read
        );
        poamd_formats::parse_page(reading.format, reading.channel, &place, body)
    }

    /// Moves on by what the listing says; the coverage if the chain ends here.
    fn advance(&mut self, book: &dyn Book, listing: &[u8]) -> Option<Coverage> {
        let (cell, reading) = (book.cell(), book.reading());
        let broken = |cause: &str| {
            let trouble = Trouble::unusable(&cell.place(reading.operation), cause);
            Some(Coverage::Partial {
                reason: trouble.what,
            })
        };
        let token = match next_token(listing, reading.token) {
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
            Step::More if self.empty >= EMPTY => broken(&format!(
                "{EMPTY} pages in a row held nothing and named another"
            )),
            Step::More => None,
            Step::Circle => broken(&format!(
                "page {} gave a page token that was used before",
                self.read
            )),
        }
    }

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
