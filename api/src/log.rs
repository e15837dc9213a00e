//! The log: whatever is written there has phones, ID numbers and mail addresses masked, whoever wrote it.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

use crate::mask;

/// Where lines go, masked. The subscriber hands over a line at a time.
pub struct Masked<W>(pub W);

impl<W: io::Write> io::Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(mask::text(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Masked<W> {
    type Writer = Masked<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Masked(self.0.make_writer())
    }
}
