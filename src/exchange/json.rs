//! JSON: an array of objects, one a line of the list, indented for people.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

/// Writes all rows.
pub fn write<T: Serialize>(out: &mut dyn Write, rows: &[T]) -> io::Result<()> {
    // A terminal's own buffer is handed on line by line, and there are many.
    let mut out = BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, rows)?;
    out.write_all(b"\n")?;
    out.flush()
}
