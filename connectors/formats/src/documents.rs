//! Walks over what was sent, whatever its envelope (reply, list, single objects, lines), and hands out
//! its findings in pages. One broken document never takes its neighbours with it.

use std::io::{self, Read};

use poamd_contract::finding::{Channel, SetAside};
use poamd_contract::source::Page;

use crate::detect::Format;
use crate::envelope::{is_envelope, is_list_of_findings, key_at};
use crate::input::{Input, LONGEST};
use crate::marks::excerpt;
use crate::scan::{Walk, is_blank, object_starts};
use crate::take::{Attempt, take, take_repaired};

/// Documents of one page of a file.
const PAGE: usize = 2000;

/// Places inside a broken document that are tried as the beginning of the next.
const TRIES: usize = 512;

const CUT_OFF: &str = "it is cut off: what came before it is taken; fetch the rest again";
const NOT_JSON: &str =
    "this is not JSON: export it again as JSON, or send what the service answered";
const NO_LIST: &str =
    "the reply has no list of findings: check that the address belongs to the AWS service";
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
            (None, b'{') if self.fixed.is_some() => self.enter(Inside::Reply),
            (None | Some(Inside::List), b'{')
                if self.fixed.is_none() && is_envelope(&mut self.input)? =>
            {
                self.enter(Inside::Reply);
            }
            (None, b'[') => self.enter(Inside::List),
            (None | Some(Inside::List | Inside::Findings), b'{') => self.document()?,
            (Some(Inside::List | Inside::Findings), b'}' | b':')
            | (Some(Inside::Reply), _)
            | (None, _) => {
                self.rubbish()?;
            }
            (Some(Inside::List | Inside::Findings), _) => self.no_object()?,
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
        let next = object_starts(whole)
            .take(TRIES)
            .find(|at| is_finding(&whole[*at..]));
        let length = next.unwrap_or(whole.len());
        let text = whole[..length].to_vec();
        self.damaged(&why, &text);
        self.input.consume(length);
        if end.is_none() && next.is_none() {
            self.skip(walk)
        } else {
            Ok(())
        }
    }

    /// A number, text or list where a finding should be.
    fn no_object(&mut self) -> io::Result<()> {
        self.documents += 1;
        let text = excerpt(self.input.bytes());
        self.skip(Walk::default())?;
        self.aside(NO_OBJECT, text);
        Ok(())
    }

    /// What belongs nowhere: skipped to the next line (or element) that may be JSON again.
    fn rubbish(&mut self) -> io::Result<()> {
        let text = self
            .input
            .bytes()
            .iter()
            .take(1600)
            .copied()
            .collect::<Vec<u8>>();
        self.damaged(
            if self.documents == 0 {
                NOT_JSON
            } else {
                "between two documents stands what is not JSON"
            },
            &text,
        );
        let mut line_end = false;
        loop {
            let inside = !self.inside.is_empty();
            let stop = |line_end: bool, b: u8| matches!(b, b'{' | b'[') && (line_end || inside);
            let mut taken = 0;
            for (at, byte) in self.input.bytes().iter().enumerate() {
                // Always forward by one, or the same rubbish would be met again.
                if at + usize::from(line_end) > 0 && stop(line_end, *byte) {
                    self.input.consume(at);
                    return Ok(());
                }
                line_end = *byte == b'\n' || line_end && is_blank(*byte);
                taken = at + 1;
            }
            self.input.consume(taken);
            if !self.input.more()? {
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

/// True if a whole finding of a known format begins here.
fn is_finding(bytes: &[u8]) -> bool {
    matches!(
        crate::detect::detect(bytes),
        Some(crate::detect::Kind::Finding(_))
    )
}
