//! A workbook file as its parts: some are read and replaced, all others are copied byte for byte.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipArchive, ZipWriter};

use super::fill::Misfit;

/// Larger files and parts are no form.
const LARGEST_FILE: usize = 64 * 1024 * 1024;
const LARGEST_PART: u64 = 256 * 1024 * 1024;

/// The parts of a workbook.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// By name.
    replaced: BTreeMap<String, String>,
    removed: Vec<String>,
}

fn broken(cause: impl std::fmt::Display) -> Misfit {
    Misfit::new(format!(
        "it is no .xlsx workbook ({cause}); save it as .xlsx first"
    ))
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, Misfit> {
        if bytes.len() > LARGEST_FILE {
            return Err(broken(format!("{} bytes are too many", bytes.len())));
        }
        Ok(Self {
            zip: ZipArchive::new(Cursor::new(bytes)).map_err(broken)?,
            replaced: BTreeMap::new(),
            removed: Vec::new(),
        })
    }

    /// The text of a part, as replaced last; `None` if there is none of that name.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Misfit> {
        if let Some(text) = self.replaced.get(name) {
            return Ok(Some(text.clone()));
        }
        if self.zip.index_for_name(name).is_none() {
            return Ok(None);
        }
        let part = self.zip.by_name(name).map_err(broken)?;
        let mut bytes = Vec::new();
        let mut bounded = part.take(LARGEST_PART + 1);
        bounded.read_to_end(&mut bytes).map_err(broken)?;
        if bytes.len() as u64 > LARGEST_PART {
            return Err(broken(format!("{name} is too large")));
        }
        let text = String::from_utf8(bytes).map_err(|_| broken(format!("{name} is not UTF-8")))?;
        Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
    }

    pub fn replace(&mut self, name: &str, text: String) {
        self.replaced.insert(name.to_owned(), text);
    }

    pub fn remove(&mut self, name: &str) {
        self.removed.push(name.to_owned());
    }

    /// The bytes with what was replaced, in the old order; new parts behind.
    pub fn finish(mut self) -> Result<Vec<u8>, Misfit> {
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
        let mut replaced = std::mem::take(&mut self.replaced);
        for index in 0..self.zip.len() {
            let part = self.zip.by_index_raw(index).map_err(broken)?;
            let name = part.name().map_err(broken)?.into_owned();
            if self.removed.contains(&name) {
                continue;
            }
            match replaced.remove(&name) {
                Some(text) => {
                    out.start_file(&name, options).map_err(broken)?;
                    out.write_all(text.as_bytes()).map_err(broken)?;
                }
                None => out.raw_copy_file(part).map_err(broken)?,
            }
        }
        replaced.retain(|name, _| !self.removed.contains(name));
        for (name, text) in replaced {
            out.start_file(&name, options).map_err(broken)?;
            out.write_all(text.as_bytes()).map_err(broken)?;
        }
        Ok(out.finish().map_err(broken)?.into_inner())
    }
}
