//! Standard error for services: lines about requests wait a moment and are written together.
//!
//! A system call for each line is 2 % of what the engine does for a small request, and its threads wait for each other meanwhile (measured: `tests/bench/README.md`).
//! A process that is killed loses the lines of its last tenth of a second. Everything else is written at once, with what waits before it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::request_lines::is_of_request;

/// How long a line waits at most.
const DELAY: Duration = Duration::from_millis(100);
/// So many bytes wait no longer.
const FULL: usize = 64 * 1024;

/// Lines that are not written yet.
#[derive(Clone)]
pub(crate) struct LogBuffer(Arc<Shared>);

struct Shared {
    lines: Mutex<Lines>,
    /// The first line is there.
    begun: Condvar,
}

struct Lines {
    waiting: Vec<u8>,
    out: Box<dyn Write + Send>,
}

impl LogBuffer {
    /// With a thread that writes to `out` what has waited.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Mutex::new(Lines { waiting: Vec::new(), out: Box::new(out) });
        let buffer = Self(Arc::new(Shared { lines, begun: Condvar::new() }));
        let waiting = buffer.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || waiting.run())?;
        Ok(buffer)
    }

    fn run(&self) {
        loop {
            drop(self.0.begun.wait_while(self.lines(), |lines| lines.waiting.is_empty()));
            thread::sleep(DELAY);
            self.flush();
        }
    }

    /// Writes what waits.
    pub fn flush(&self) {
        self.lines().write_out();
    }

    fn add(&self, text: &[u8], may_wait: bool) {
        let mut lines = self.lines();
        if lines.waiting.is_empty() && may_wait {
            self.0.begun.notify_one();
        }
        lines.waiting.extend_from_slice(text);
        if !may_wait || lines.waiting.len() > FULL {
            lines.write_out();
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn write_out(&mut self) {
        // That standard error is gone can be told nowhere.
        let _ = self.out.write_all(&self.waiting);
        self.waiting.clear();
    }
}

/// Takes the text of one event.
pub(crate) struct LogWriter<'a> {
    buffer: &'a LogBuffer,
    may_wait: bool,
}

impl Write for LogWriter<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.buffer.add(text, self.may_wait);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.buffer.flush();
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        LogWriter { buffer: self, may_wait: false }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> LogWriter<'a> {
        LogWriter { buffer: self, may_wait: *event.level() == Level::INFO && is_of_request(event) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Sink {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Sink {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_keep_their_order_and_wait_for_nothing_in_the_end() {
        let sink = Sink::default();
        let buffer = LogBuffer::start(sink.clone()).unwrap();
        buffer.add(b"one\n", true);
        buffer.add(b"two\n", false);
        assert_eq!(sink.text(), "one\ntwo\n");
        buffer.add(b"three\n", true);
        buffer.flush();
        assert_eq!(sink.text(), "one\ntwo\nthree\n");
        for line in ["four\n", "five\n"] {
            buffer.add(line.as_bytes(), true);
            let until = Instant::now() + Duration::from_secs(30);
            while !sink.text().ends_with(line) {
                assert!(Instant::now() < until, "nobody wrote what waits");
            }
        }
    }
}
