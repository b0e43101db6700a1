//! A window over what is read: it grows to hold one document and never the file.

use std::io::{self, Read};

/// How much is read at once.
pub(crate) const CHUNK: usize = 1 << 20;

/// The longest document that is taken. ASFF's own limit is 240 KB.
pub(crate) const LONGEST: usize = 32 << 20;

pub(crate) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    /// Why the reader failed behind what it gave last, which is taken first.
    failed: Option<io::Error>,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            ended: false,
            failed: None,
        }
    }

    /// What has been read and not yet consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
    }

    /// Nothing further will come.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads more; `false` if there is nothing further. What is unconsumed stays, so a window that does
    /// not suffice doubles and re-reading it stays linear.
    pub(crate) fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let rest = self.buffer.len() - self.start;
        self.buffer.copy_within(self.start.., 0);
        self.buffer.truncate(rest);
        self.start = 0;
        if rest < CHUNK && self.buffer.capacity() > 4 * CHUNK {
            self.buffer.shrink_to(2 * CHUNK);
        }
        let want = rest.max(CHUNK);
        let mut window = self.reader.by_ref().take(want as u64);
        match window.read_to_end(&mut self.buffer) {
            Ok(got) => {
                self.ended = got < want;
                Ok(got > 0)
            }
            Err(error) if self.buffer.len() > rest => {
                self.failed = Some(error);
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Skips white space and returns the byte behind it, unconsumed; `None` at the end.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let blank = self
                .bytes()
                .iter()
                .take_while(|b| crate::scan::is_blank(**b))
                .count();
            self.consume(blank);
            if let Some(byte) = self.bytes().first() {
                return Ok(Some(*byte));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// Makes the window hold at least `count` bytes, or all there is.
    pub(crate) fn want(&mut self, count: usize) -> io::Result<()> {
        while self.bytes().len() < count && self.more()? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_window_slides_and_keeps_what_is_unconsumed() {
        let text: Vec<u8> = (0..3 * CHUNK).map(|n| (n % 251) as u8 | 0x40).collect();
        let mut input = Input::new(text.as_slice());
        assert!(input.more().unwrap());
        input.consume(CHUNK - 10);
        assert!(input.more().unwrap());
        assert_eq!(input.bytes(), &text[CHUNK - 10..2 * CHUNK]);
        input.want(usize::MAX).unwrap();
        assert_eq!(input.bytes(), &text[CHUNK - 10..]);
        assert!(input.ended());
    }
}
