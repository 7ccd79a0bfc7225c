//! A FIFO in place of the secrets file, and a thread that plays 1Password on its other end.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::file_opens::FileOpens;

const PAUSE: Duration = Duration::from_millis(2);

/// The pause between two servings on systems that do not report a reader's close. Without the pause a slow
/// reader gets the content twice in one read, as with 1Password.
const BETWEEN_SERVINGS: Duration = Duration::from_millis(60);

/// The time limit of the wait for a reader's close.
const READER_GOES_WITHIN: Duration = Duration::from_secs(2);

/// One step of the writer.
#[derive(Clone, Debug)]
pub enum Step {
    /// Waits for a reader and opens the writing end.
    Open,
    /// Waits for this time: with the writing end open, this is an unanswered prompt.
    Wait(Duration),
    /// Waits until [`Fifo::approve`] is called.
    AwaitApproval,
    /// Writes this text.
    Write(String),
    /// Writes this text one byte at a time, with a pause after each.
    Drip(String, Duration),
    /// Closes the writing end.
    Close,
}

/// A FIFO with a scripted writer. Dropping it ends the writer's thread.
pub struct Fifo {
    path: PathBuf,
    play: Arc<Play>,
    writer: Option<JoinHandle<()>>,
}

/// The state shared by the writer's thread and the test.
struct Play {
    stop: AtomicBool,
    approved: AtomicBool,
    opens: AtomicUsize,
    closes: AtomicUsize,
}

impl Fifo {
    /// Makes a FIFO without a writer.
    pub fn silent(path: &Path) -> Self {
        Self::script(path, Vec::new())
    }

    /// Serves `text` to each reader, as an unlocked 1Password does.
    pub fn serving(path: &Path, text: &str) -> Self {
        let serving = [Step::Open, Step::Write(text.to_owned()), Step::Close];
        Self::start(path, serving.to_vec(), true)
    }

    /// Serves `text` once, to the first reader.
    pub fn once(path: &Path, text: &str) -> Self {
        Self::script(path, vec![Step::Open, Step::Write(text.to_owned()), Step::Close])
    }

    /// Opens for the first reader and writes only after [`Fifo::approve`].
    pub fn awaiting_approval(path: &Path, text: &str) -> Self {
        let write = Step::Write(text.to_owned());
        Self::script(path, vec![Step::Open, Step::AwaitApproval, write, Step::Close])
    }

    /// Opens for each reader and closes a moment later without a byte, as a declined prompt may.
    pub fn declining(path: &Path) -> Self {
        let moment = Step::Wait(Duration::from_millis(200));
        Self::start(path, vec![Step::Open, moment, Step::Close], true)
    }

    /// Serves `text` once, byte by byte.
    pub fn dripping(path: &Path, text: &str, gap: Duration) -> Self {
        Self::script(path, vec![Step::Open, Step::Drip(text.to_owned(), gap), Step::Close])
    }

    /// Writes `text` twice during one open: readers of a FIFO can get such a double read.
    pub fn twice(path: &Path, text: &str) -> Self {
        let write = Step::Write(text.to_owned());
        Self::script(path, vec![Step::Open, write.clone(), write, Step::Close])
    }

    /// Makes the FIFO (mode 0600) if it does not exist, and runs `steps` once.
    pub fn script(path: &Path, steps: Vec<Step>) -> Self {
        Self::start(path, steps, false)
    }

    /// Ends [`Step::AwaitApproval`].
    pub fn approve(&self) {
        self.play.approved.store(true, Ordering::SeqCst);
    }

    /// The number of opens of the writing end: with [`Fifo::serving`], the reads so far.
    pub fn opens(&self) -> usize {
        self.play.opens.load(Ordering::SeqCst)
    }

    /// The number of closes of the writing end.
    pub fn closes(&self) -> usize {
        self.play.closes.load(Ordering::SeqCst)
    }

    /// The path of the FIFO.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn start(path: &Path, steps: Vec<Step>, again: bool) -> Self {
        if !path.exists() {
            make(path);
        }
        let play = Arc::new(Play {
            stop: AtomicBool::new(false),
            approved: AtomicBool::new(false),
            opens: AtomicUsize::new(0),
            closes: AtomicUsize::new(0),
        });
        let thread = (path.to_owned(), Arc::clone(&play));
        let writer = std::thread::spawn(move || {
            let (path, play) = thread;
            while play.perform(&path, &steps).is_some() && again {}
        });
        Self { path: path.to_owned(), play, writer: Some(writer) }
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        self.play.stop.store(true, Ordering::SeqCst);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the writer of the FIFO panicked");
        }
    }
}

impl Play {
    /// Runs all steps; `None` if the test stops the writer, or if the reader closes in the middle.
    fn perform(&self, path: &Path, steps: &[Step]) -> Option<()> {
        let (mut end, mut readers) = (None, None);
        for step in steps {
            match step {
                Step::Open => {
                    end = Some(self.open(path)?);
                    readers = Some(FileOpens::of(path));
                }
                Step::Wait(time) => self.wait_until(Instant::now() + *time)?,
                Step::AwaitApproval => self.wait_while(|| !self.approved.load(Ordering::SeqCst))?,
                Step::Write(text) => self.write(end.as_mut(), text.as_bytes())?,
                Step::Drip(text, gap) => {
                    for byte in text.as_bytes() {
                        self.write(end.as_mut(), &[*byte])?;
                        self.wait_until(Instant::now() + *gap)?;
                    }
                }
                Step::Close => {
                    end = None;
                    self.closes.fetch_add(1, Ordering::SeqCst);
                    self.wait_for_the_end(readers.take())?;
                }
            }
        }
        // A writing end that the script leaves open stays open until the end of the test.
        if end.is_some() {
            self.wait_while(|| true)?;
        }
        Some(())
    }

    /// Without `O_NONBLOCK`, a thread without a reader would be stuck in `open`.
    fn open(&self, path: &Path) -> Option<File> {
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a flag fits an i32");
        loop {
            // ENXIO without a reader, ENOENT if the test removed the path: both may change.
            if let Ok(end) = OpenOptions::new().write(true).custom_flags(nonblocking).open(path) {
                self.opens.fetch_add(1, Ordering::SeqCst);
                return Some(end);
            }
            self.wait_until(Instant::now() + PAUSE)?;
        }
    }

    fn write(&self, end: Option<&mut File>, mut bytes: &[u8]) -> Option<()> {
        let end = end.expect("a script opens the FIFO before it writes");
        while !bytes.is_empty() {
            match end.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                // The pipe is full: the reader is slow.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.wait_until(Instant::now() + PAUSE)?;
                }
                // The reader has closed; the next step of a repeated script opens again.
                Err(_) => return Some(()),
            }
        }
        Some(())
    }

    /// Waits until the reader has seen the end.
    fn wait_for_the_end(&self, readers: Option<FileOpens>) -> Option<()> {
        let (mut readers, closed) = (readers?, Instant::now());
        self.wait_while(|| match readers.reader_has_gone() {
            Some(gone) => !gone && closed.elapsed() < READER_GOES_WITHIN,
            None => closed.elapsed() < BETWEEN_SERVINGS,
        })
    }

    fn wait_until(&self, deadline: Instant) -> Option<()> {
        self.wait_while(|| Instant::now() < deadline)
    }

    fn wait_while(&self, mut waiting: impl FnMut() -> bool) -> Option<()> {
        while waiting() {
            if self.stop.load(Ordering::SeqCst) {
                return None;
            }
            std::thread::sleep(PAUSE);
        }
        (!self.stop.load(Ordering::SeqCst)).then_some(())
    }
}

/// Makes a FIFO that only its owner may open. (rustix has no `mkfifo` for macOS.)
pub fn make(path: &Path) {
    let made = Command::new("mkfifo").arg("-m").arg("600").arg(path).status();
    let made = made.expect("the mkfifo program can be started");
    assert!(made.success(), "mkfifo {} failed: {made}", path.display());
}
