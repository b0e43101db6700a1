//! Finds the way back after something that is no JSON: sets it aside and goes on where the next finding begins.

use std::io::{self, Read};

use serde::de::IgnoredAny;

use super::{CUT_OFF, Documents};
use crate::detect::{Kind, detect};
use crate::input::LONGEST;
use crate::scan::{Walk, is_blank, object_starts};
use crate::take::take_repaired;

/// Places inside a broken document that are tried as the beginning of the next.
const TRIES: usize = 512;

/// Searches through the whole window that one file may cause, and how far the others look.
pub(super) const FAR: usize = 256;
const NEAR: usize = 4096;

const NOT_JSON: &str =
    "this is not JSON: export it again as JSON, or send what the service answered";
const NO_OBJECT: &str = "it is not an object, so it is no finding";
const TOO_LONG: &str = "it is longer than 32 MiB, which no finding of AWS is";
const BETWEEN: &str = "between two documents stands what is not JSON";

impl<R: Read> Documents<R> {
    /// The object is no JSON as it stands: repaired if its end is found, else set aside up to the next one.
    pub(super) fn broken(&mut self) -> io::Result<()> {
        let mut walk = Walk::default();
        let mut seen = 0;
        let end = loop {
            if let Some(more) = walk.feed(&self.input.bytes()[seen..]) {
                break Some(seen + more);
            }
            seen = self.input.bytes().len();
            if seen > LONGEST || !self.input.more()? {
                break None;
            }
        };
        let whole = &self.input.bytes()[..end.unwrap_or(seen)];
        let why = match end.map(|_| take_repaired(whole, self.fixed, &mut self.guess, &self.given))
        {
            Some(Ok(report)) => {
                let length = whole.len();
                self.size += length;
                self.page.reports.push(*report);
                self.input.consume(length);
                return Ok(());
            }
            Some(Err(why)) => why,
            None if self.input.ended() => CUT_OFF.to_owned(),
            None => TOO_LONG.to_owned(),
        };
        self.far = self.far.saturating_sub(1);
        let next = next_finding(sight(whole, self.far));
        let length = next.unwrap_or(whole.len());
        let text = whole[..length.min(1600)].to_vec();
        self.damaged(&why, &text);
        self.astray = true;
        self.input.consume(length);
        if end.is_none() && next.is_none() {
            self.skip(walk)
        } else {
            Ok(())
        }
    }

    /// A number, text or list where a finding should be; if it is not even that, rubbish.
    pub(super) fn no_object(&mut self) -> io::Result<()> {
        let end = loop {
            match value_length(self.input.bytes()) {
                Ok(length) => break Some(length),
                Err(error) if !error.is_eof() || self.input.bytes().len() > LONGEST => break None,
                Err(_) if !self.input.more()? => break None,
                Err(_) => {}
            }
        };
        let next = |end: &usize| self.input.bytes()[*end..].iter().find(|b| !is_blank(**b));
        let Some(end) = end.filter(|end| matches!(next(end), Some(b',' | b']') | None)) else {
            return self.rubbish();
        };
        self.documents += 1;
        self.refuse(NO_OBJECT, end)
    }

    /// What belongs nowhere: skipped to the next finding in sight, else to where JSON may begin again.
    pub(super) fn rubbish(&mut self) -> io::Result<()> {
        let text = self
            .input
            .bytes()
            .iter()
            .take(1600)
            .copied()
            .collect::<Vec<u8>>();
        // One broken document may leave many scraps behind; the first of them speaks for all.
        if !self.astray {
            self.damaged(
                if self.documents == 0 {
                    NOT_JSON
                } else {
                    BETWEEN
                },
                &text,
            );
        }
        self.astray = true;
        self.far = self.far.saturating_sub(1);
        if let Some(next) = next_finding(sight(self.input.bytes(), self.far)) {
            self.input.consume(next);
            return Ok(());
        }
        // Always on by one byte, or the same rubbish would be met again.
        self.input.consume(1);
        let inside = !self.inside.is_empty();
        let mut line_end = false;
        loop {
            let bytes = self.input.bytes();
            let stop = bytes.iter().enumerate().position(|(at, byte)| {
                let here = match byte {
                    b'{' => line_end || inside || has_key(&bytes[at + 1..]),
                    b'[' => line_end,
                    _ => false,
                };
                line_end = *byte == b'\n' || line_end && is_blank(*byte);
                here
            });
            self.input.consume(stop.unwrap_or(bytes.len()));
            if stop.is_some() || !self.input.more()? {
                return Ok(());
            }
        }
    }
}

/// The length of the value `bytes` begin with.
fn value_length(bytes: &[u8]) -> serde_json::Result<usize> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    match stream.next() {
        Some(Ok(_)) => Ok(stream.byte_offset()),
        Some(Err(error)) => Err(error),
        None => Ok(0),
    }
}

/// True if a key may follow.
fn has_key(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !is_blank(**b)) == Some(&b'"')
}

/// As much of `bytes` as a search may look through.
fn sight(bytes: &[u8], far: usize) -> &[u8] {
    if far > 0 {
        bytes
    } else {
        &bytes[..bytes.len().min(NEAR)]
    }
}

/// Where, behind the first byte, a whole finding of a known format begins.
fn next_finding(bytes: &[u8]) -> Option<usize> {
    let is_finding = |at: &usize| matches!(detect(&bytes[*at..]), Some(Kind::Finding(_)));
    object_starts(bytes).take(TRIES).find(is_finding)
}
