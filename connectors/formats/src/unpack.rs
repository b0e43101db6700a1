//! Files packed with gzip, known by their first bytes, unpacked as they are read and within bounds: a small file must
//! not unpack into a full disk or an endless run.

use std::io::{self, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How much more may come out than went in. JSON of findings packs to a tenth or thirtieth.
const RATIO: u64 = 400;
/// What may come out whatever the ratio, and at most.
const ALWAYS: u64 = 64 << 20;
const MOST: u64 = 64 << 30;

type Packed<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

/// Reads what `reader` holds, unpacked if it is packed. Damage and a bomb are errors of kind `InvalidData`; what came
/// before them has been read.
pub fn unpacked<R: Read + Send + 'static>(mut reader: R) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(MAGIC.len());
    reader
        .by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut head)?;
    let packed = head == MAGIC;
    let whole = Cursor::new(head).chain(reader);
    if !packed {
        return Ok(Box::new(whole));
    }
    let counted = Counted {
        inner: whole,
        count: 0,
    };
    Ok(Box::new(Unpacked {
        decoder: MultiGzDecoder::new(BufReader::with_capacity(1 << 16, counted)),
        out: 0,
    }))
}

struct Unpacked<R> {
    decoder: MultiGzDecoder<Packed<R>>,
    out: u64,
}

/// How many bytes were taken.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        self.count += got as u64;
        Ok(got)
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.decoder.read(out).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => error.to_string(),
                _ => return error,
            };
            bad(&format!(
                "its gzip is damaged ({why}): what came before is taken; fetch it again"
            ))
        })?;
        self.out += got as u64;
        let taken = self.decoder.get_ref().get_ref().count;
        if self.out > ALWAYS && self.out > taken.saturating_mul(RATIO) {
            return Err(bad(&format!(
                "it unpacks to more than {RATIO} times its size, which no export does: what came before is taken; \
                 if it is one, unpack it yourself"
            )));
        }
        if self.out > MOST {
            return Err(bad(
                "it unpacks to more than 64 GiB: what came before is taken; split it",
            ));
        }
        Ok(got)
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> (Vec<u8>, Option<String>) {
        let mut out = Vec::new();
        let end = unpacked(Cursor::new(bytes)).unwrap().read_to_end(&mut out);
        (out, end.err().map(|e| e.to_string()))
    }

    #[test]
    fn packed_or_not_it_reads_the_same() {
        for text in ["", "x", "{}", r#"{"Findings":[]}"#] {
            let plain = text.as_bytes();
            assert_eq!(read(plain.to_vec()), (plain.to_vec(), None));
            assert_eq!(read(pack(plain)), (plain.to_vec(), None));
        }
        // Several members one after the other are one file, as of `cat a.gz b.gz`.
        let both = [pack(b"one "), pack(b"two")].concat();
        assert_eq!(read(both), (b"one two".to_vec(), None));
    }

    #[test]
    fn damage_is_told_and_what_came_before_is_read() {
        let noise: Vec<u8> = (0..200_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let mut cut = pack(&noise);
        cut.truncate(cut.len() / 2);
        let (read_before, why) = read(cut);
        assert!(!read_before.is_empty() && noise.starts_with(&read_before));
        assert!(why.unwrap().contains("cut off"));
    }

    #[test]
    fn a_bomb_is_stopped() {
        let bomb = pack(&vec![b' '; 100 << 20]);
        assert!(bomb.len() < 200_000);
        let mut reader = unpacked(Cursor::new(bomb)).unwrap();
        let (mut out, mut chunk) = (0u64, vec![0; 1 << 16]);
        let why = loop {
            match reader.read(&mut chunk) {
                Ok(0) => panic!("it was read to the end"),
                Ok(n) => out += n as u64,
                Err(error) => break error,
            }
        };
        assert!(out <= ALWAYS + (1 << 16), "{out}");
        assert!(why.to_string().contains("400 times"), "{why}");
    }
}
