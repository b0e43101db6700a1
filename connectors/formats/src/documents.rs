//! Walks over what was sent, whatever its envelope (reply, list, single objects, lines), and hands out
//! its findings in pages. One broken document never takes its neighbours with it.

mod damage;

use std::io::{self, Read};

use poamd_contract::finding::{Channel, SetAside};
use poamd_contract::source::{Page, Recognised};
use sha2::{Digest, Sha256};

use crate::detect::Format;
use crate::envelope::{is_envelope, is_list_of_findings, key_at};
use crate::given::Given;
use crate::input::{Input, LONGEST};
use crate::marks::excerpt;
use crate::scan::{Walk, is_blank};
use crate::take::{Attempt, take};
use damage::FAR;

/// Documents of one page of a file, and the bytes behind which it ends before that: the page keeps its documents.
const PAGE: usize = 1000;
const PAGE_BYTES: usize = 16 << 20;

/// Lists in lists that are looked into.
const DEEPEST: usize = 8;

const CUT_OFF: &str = "it is cut off: what came before it is taken; fetch the rest again";
const NO_LIST: &str =
    "the reply has no list of findings: check that the address belongs to the AWS service";

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
    given: Given,
    place: String,
    /// Set for a reply whose format is known: then the outermost object is the reply.
    fixed: Option<Format>,
    /// The format of the document before: most likely that of the next.
    guess: Format,
    inside: Vec<Inside>,
    page: Page,
    /// Bytes of the page's documents.
    size: usize,
    documents: usize,
    /// What was met last was broken, so quotes and brackets may not mean what they seem to.
    astray: bool,
    /// How many more searches for a finding may look through the whole window: a file of nothing but
    /// damage must not cost the square of its length.
    far: usize,
    lists: usize,
    limit: usize,
    recogniser: Option<Recogniser>,
    state: State,
}

/// Says of a document, by the SHA-256 of its bytes, whether reading it would tell what is known.
type Recogniser = Box<dyn Fn(&[u8; 32]) -> bool + Send>;

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Reading,
    Ended,
    Failed(io::Error),
}

/// The pages of a reader: at most 1,000 documents each. An `Err` is the reader's and the last item.
///
/// `given` is the channel, or also whose documents are that do not say so themselves.
pub fn read_documents<R: Read>(given: impl Into<Given>, place: &str, reader: R) -> Documents<R> {
    Documents::new(given.into(), place, reader, None, PAGE)
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
    let mut documents = Documents::new(channel.into(), place, bytes, Some(format), usize::MAX);
    documents.next().and_then(Result::ok).unwrap_or_default()
}

impl<R: Read> Iterator for Documents<R> {
    type Item = io::Result<Page>;

    fn next(&mut self) -> Option<io::Result<Page>> {
        while length(&self.page) < self.limit && !self.is_heavy() {
            match self.state {
                State::New | State::Reading => {
                    if let Err(error) = self.step() {
                        self.state = State::Failed(error);
                    }
                }
                State::Ended | State::Failed(_) => break,
            }
        }
        self.size = 0;
        let mut page = std::mem::take(&mut self.page);
        crate::eve::fold(&mut page);
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
    fn new(given: Given, place: &str, reader: R, fixed: Option<Format>, limit: usize) -> Self {
        Self {
            input: Input::new(reader),
            given,
            place: place.to_owned(),
            fixed,
            guess: fixed.unwrap_or(Format::Asff),
            inside: Vec::new(),
            page: Page::default(),
            size: 0,
            documents: 0,
            astray: false,
            far: FAR,
            lists: 0,
            limit,
            recogniser: None,
            state: State::New,
        }
    }

    /// Documents whose SHA-256 `known` says yes to are not read: only where they end is looked for. They stand in
    /// [`Page::recognised`] instead of among the reports.
    #[must_use]
    pub fn recognising(mut self, known: impl Fn(&[u8; 32]) -> bool + Send + 'static) -> Self {
        self.recogniser = Some(Box::new(known));
        self
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

    /// True if a page of a file holds as much as it may.
    fn is_heavy(&self) -> bool {
        self.limit != usize::MAX && self.size >= PAGE_BYTES
    }

    fn enter(&mut self, what: Inside) {
        self.input.consume(1);
        self.inside.push(what);
        self.lists += usize::from(what != Inside::Reply);
    }

    /// Nothing further comes: what is still open was cut off.
    fn end(&mut self) {
        self.state = State::Ended;
        let was_inside = !std::mem::take(&mut self.inside).is_empty();
        if was_inside && self.astray {
            // The document it was cut off in has been set aside for that.
        } else if was_inside {
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
        if self.recognises()? {
            return Ok(());
        }
        loop {
            let bytes = self.input.bytes();
            match take(bytes, self.fixed, &mut self.guess, &self.given) {
                Attempt::Passed(length) => {
                    self.page.passed += 1;
                    self.astray = false;
                    self.input.consume(length);
                    return Ok(());
                }
                Attempt::Taken(report, length) => {
                    self.size += length;
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

    /// Passes over the object at the window's beginning if it is known byte for byte.
    fn recognises(&mut self) -> io::Result<bool> {
        let Some(known) = &self.recogniser else {
            return Ok(false);
        };
        let mut walk = Walk::default();
        let mut walked = 0;
        let length = loop {
            let bytes = self.input.bytes();
            match walk.feed(&bytes[walked..]) {
                Some(end) => break walked + end,
                None => walked = bytes.len(),
            }
            if walked > LONGEST || !self.input.more()? {
                // It has no end: damage, among which nothing more is looked for in vain.
                self.recogniser = None;
                return Ok(false);
            }
        };
        let bytes = &self.input.bytes()[..length];
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        if !known(&sha256) {
            return Ok(false);
        }
        self.page.recognised.push(Recognised {
            before: self.page.reports.len(),
            sha256,
            bytes: bytes.into(),
        });
        self.size += length;
        self.astray = false;
        self.input.consume(length);
        Ok(true)
    }

    fn refuse(&mut self, reason: &str, length: usize) -> io::Result<()> {
        let text = excerpt(&self.input.bytes()[..length]);
        self.aside(reason, text);
        self.input.consume(length);
        Ok(())
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

fn length(page: &Page) -> usize {
    page.reports.len() + page.recognised.len() + page.set_aside.len()
}

fn is_empty(page: &Page) -> bool {
    length(page) == 0 && page.passed == 0
}
