//! Walks over what was sent, whatever its envelope (reply, list, single objects, lines), and hands out
//! its findings in pages. One broken document never takes its neighbours with it.

use std::io::{self, Read};

use poamd_contract::finding::{Channel, SetAside};
use poamd_contract::source::Page;
use serde::de::IgnoredAny;

use crate::detect::{Format, Kind, detect};
use crate::envelope::{is_envelope, is_list_of_findings, key_at};
use crate::input::{Input, LONGEST};
use crate::marks::excerpt;
use crate::scan::{Walk, is_blank, object_starts};
use crate::take::{Attempt, take, take_repaired};

/// Documents of one page of a file.
const PAGE: usize = 2000;

/// Places inside a broken document that are tried as the beginning of the next.
const TRIES: usize = 512;

/// Lists in lists that are looked into.
const DEEPEST: usize = 8;

/// Searches through the whole window that one file may cause, and how far the others look.
const FAR: usize = 256;
const NEAR: usize = 4096;

const CUT_OFF: &str = "it is cut off: what came before it is taken; fetch the rest again";
const NOT_JSON: &str =
    "this is not JSON: export it again as JSON, or send what the service answered";
const NO_LIST: &str =
    "the reply has no list of findings: check that the address belongs to the AWS service";
const BETWEEN: &str = "between two documents stands what is not JSON";
const NO_OBJECT: &str = "it is not an object, so it is no finding";
const TOO_LONG: &str = "it is longer than 32 MiB, which no finding of AWS is";

/// Where the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    List,
    Reply,
    Findings,
}

/// The pages of a file or reply, read as they are asked for; memory holds one of them at a time.
pub struct Documents<R> {
    input: Input<R>,
    channel: Channel,
    place: String,
    /// Set for a reply whose format is known: then the outermost object is the reply.
    fixed: Option<Format>,
    /// The format of the document before: most likely that of the next.
    guess: Format,
    inside: Vec<Inside>,
    page: Page,
    documents: usize,
    /// What was met last was broken, so quotes and brackets may not mean what they seem to.
    astray: bool,
    /// How many more searches for a finding may look through the whole window: a file of nothing but
    /// damage must not cost the square of its length.
    far: usize,
    lists: usize,
    limit: usize,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Reading,
    Ended,
    Failed(io::Error),
}

/// The pages of a reader: at most 2,000 documents each. An `Err` is the reader's and the last item.
pub fn read_documents<R: Read>(channel: Channel, place: &str, reader: R) -> Documents<R> {
    Documents::new(channel, place, reader, None, PAGE)
}

/// The pages of bytes in memory.
pub fn parse_documents(channel: Channel, place: &str, bytes: &[u8]) -> impl Iterator<Item = Page> {
    // Reading from memory does not fail.
    read_documents(channel, place, bytes).map_while(Result::ok)
}

/// The findings of one reply of an AWS service: `{"Findings": [...]}`, `{"findings": [...]}`.
///
/// What is not JSON, cut off or without identity is set aside with its reason; [`Page::damaged`] says
/// whether something could not be read.
pub fn parse_page(format: Format, channel: Channel, place: &str, bytes: &[u8]) -> Page {
    let mut documents = Documents::new(channel, place, bytes, Some(format), usize::MAX);
    documents.next().and_then(Result::ok).unwrap_or_default()
}

impl<R: Read> Iterator for Documents<R> {
    type Item = io::Result<Page>;

    fn next(&mut self) -> Option<io::Result<Page>> {
        while self.page.reports.len() + self.page.set_aside.len() < self.limit {
            match self.state {
                State::New | State::Reading => {
                    if let Err(error) = self.step() {
                        self.state = State::Failed(error);
                    }
                }
                State::Ended | State::Failed(_) => break,
            }
        }
        let page = std::mem::take(&mut self.page);
        if !is_empty(&page) {
            return Some(Ok(page));
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(error) => Some(Err(error)),
            _ => None,
        }
    }
}

impl<R: Read> Documents<R> {
    fn new(channel: Channel, place: &str, reader: R, fixed: Option<Format>, limit: usize) -> Self {
        Self {
            input: Input::new(reader),
            channel,
            place: place.to_owned(),
            fixed,
            guess: fixed.unwrap_or(Format::Asff),
            inside: Vec::new(),
            page: Page::default(),
            documents: 0,
            astray: false,
            far: FAR,
            lists: 0,
            limit,
            state: State::New,
        }
    }

    /// Takes the next thing, whatever it is.
    fn step(&mut self) -> io::Result<()> {
        if matches!(self.state, State::New) {
            self.state = State::Reading;
            self.input.want(3)?;
            if self.input.bytes().starts_with(b"\xef\xbb\xbf") {
                self.input.consume(3);
            }
        }
        let Some(byte) = self.input.peek()? else {
            self.end();
            return Ok(());
        };
        match (self.inside.last().copied(), byte) {
            (_, b',') => self.input.consume(1),
            (Some(Inside::Reply), b'"') => self.member()?,
            (Some(Inside::Reply), b'}') | (Some(Inside::List | Inside::Findings), b']') => {
                self.input.consume(1);
                self.inside.pop();
            }
            (None, b'{') if self.fixed.is_some() && self.lists == 0 => self.enter(Inside::Reply),
            (None | Some(Inside::List), b'{')
                if self.fixed.is_none() && is_envelope(&mut self.input)? =>
            {
                self.enter(Inside::Reply);
            }
            (inside, b'[') if inside != Some(Inside::Reply) && self.inside.len() < DEEPEST => {
                self.enter(Inside::List);
            }
            (_, b'{') => self.document()?,
            (Some(Inside::List | Inside::Findings), b)
                if !matches!(b, b'}' | b':') && !self.astray =>
            {
                self.no_object()?;
            }
            _ => self.rubbish()?,
        }
        Ok(())
    }

    fn enter(&mut self, what: Inside) {
        self.input.consume(1);
        self.inside.push(what);
        self.lists += usize::from(what != Inside::Reply);
    }

    /// Nothing further comes: what is still open was cut off.
    fn end(&mut self) {
        self.state = State::Ended;
        if !self.inside.is_empty() {
            self.inside.clear();
            self.damaged(CUT_OFF, &[]);
        } else if self.fixed.is_some() && self.lists == 0 && is_empty(&self.page) {
            self.damaged(NO_LIST, &[]);
        }
    }

    /// A key and its value in a reply. The list of findings is entered, everything else skipped.
    fn member(&mut self) -> io::Result<()> {
        if is_list_of_findings(&mut self.input)? {
            let colon = key_at(self.input.bytes()).map_or(0, |(_, end)| end);
            self.input.consume(colon);
            let blank = self
                .input
                .bytes()
                .iter()
                .take_while(|b| is_blank(**b))
                .count();
            self.input.consume(blank);
            if self.input.bytes().first() == Some(&b'n') {
                // `null`: a reply that says that there are none.
                self.lists += 1;
                return self.skip(Walk::default());
            }
            self.enter(Inside::Findings);
            return Ok(());
        }
        self.skip(Walk::default())?;
        if self.input.peek()? == Some(b':') {
            self.input.consume(1);
            if self.input.peek()?.is_some() {
                self.skip(Walk::default())?;
            }
        }
        Ok(())
    }

    /// Skips the rest of a value, however long.
    fn skip(&mut self, mut walk: Walk) -> io::Result<()> {
        loop {
            if let Some(end) = walk.feed(self.input.bytes()) {
                self.input.consume(end);
                return Ok(());
            }
            self.input.consume(self.input.bytes().len());
            if !self.input.more()? {
                return Ok(());
            }
        }
    }

    /// The object at the window's beginning.
    fn document(&mut self) -> io::Result<()> {
        self.documents += 1;
        loop {
            let bytes = self.input.bytes();
            match take(bytes, self.fixed, &mut self.guess, self.channel) {
                Attempt::Taken(report, length) => {
                    self.page.reports.push(*report);
                    self.astray = false;
                    self.input.consume(length);
                    return Ok(());
                }
                Attempt::Refused(reason, length) => return self.refuse(reason, length),
                Attempt::Short if bytes.len() <= LONGEST && self.input.more()? => {}
                Attempt::Short | Attempt::Broken => return self.broken(),
            }
        }
    }

    fn refuse(&mut self, reason: &str, length: usize) -> io::Result<()> {
        let text = excerpt(&self.input.bytes()[..length]);
        self.aside(reason, text);
        self.input.consume(length);
        Ok(())
    }

    /// The object is no JSON as it stands: repaired if its end is found, else set aside up to the next one.
    fn broken(&mut self) -> io::Result<()> {
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
        let why = match end.map(|_| take_repaired(whole, self.fixed, &mut self.guess, self.channel))
        {
            Some(Ok(report)) => {
                let length = whole.len();
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
        let text = whole[..length].to_vec();
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
    fn no_object(&mut self) -> io::Result<()> {
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
    fn rubbish(&mut self) -> io::Result<()> {
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

    fn damaged(&mut self, reason: &str, bytes: &[u8]) {
        self.page.damaged = true;
        self.aside(reason, excerpt(bytes));
    }

    fn aside(&mut self, reason: &str, excerpt: String) {
        let place = match self.documents {
            0 => self.place.clone(),
            n => format!("{}, document {n}", self.place),
        };
        self.page.set_aside.push(SetAside {
            place,
            reason: reason.to_owned(),
            excerpt,
        });
    }
}

fn is_empty(page: &Page) -> bool {
    page.reports.is_empty() && page.set_aside.is_empty()
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
