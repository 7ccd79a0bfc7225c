//! The opens and closes of a file, as the kernel reports them.
//!
//! A reader of a pipe without a writer is not detectable in another way: to open the other end would look like a
//! writer.

use std::path::Path;

#[cfg(target_os = "linux")]
pub use self::linux::FileOpens;
#[cfg(not(target_os = "linux"))]
pub use self::unknown::FileOpens;

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::MaybeUninit;

    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

    use super::Path;

    /// Counts the opens of one file by all processes, and the closes of its readers.
    pub struct FileOpens {
        events: OwnedFd,
        begun: usize,
        readers_gone: usize,
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere nothing is known")]
    impl FileOpens {
        /// Counts from now on.
        pub fn of(path: &Path) -> Self {
            let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("events");
            // Closes are watched for the count of opens, too: the kernel merges equal events in sequence.
            let wanted = WatchFlags::OPEN | WatchFlags::CLOSE;
            inotify::add_watch(&events, path, wanted).expect("the file is there");
            Self { events, begun: 0, readers_gone: 0 }
        }

        /// The opens so far; `None` if the system does not report them.
        pub fn count(&mut self) -> Option<usize> {
            self.read();
            Some(self.begun)
        }

        /// Whether a reader has closed the file; `None` if the system does not report it.
        pub fn reader_has_gone(&mut self) -> Option<bool> {
            self.read();
            Some(self.readers_gone > 0)
        }

        fn read(&mut self) {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&self.events, &mut buffer);
            while let Ok(event) = reader.next() {
                self.begun += usize::from(event.events().contains(ReadFlags::OPEN));
                self.readers_gone += usize::from(event.events().contains(ReadFlags::CLOSE_NOWRITE));
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod unknown {
    use super::Path;

    /// Counts nothing: the file system events of macOS have no opens.
    pub struct FileOpens;

    impl FileOpens {
        /// Counts from now on.
        pub fn of(_: &Path) -> Self {
            Self
        }

        /// The opens so far; `None` if the system does not report them.
        pub fn count(&mut self) -> Option<usize> {
            None
        }

        /// Whether a reader has closed the file; `None` if the system does not report it.
        pub fn reader_has_gone(&mut self) -> Option<bool> {
            None
        }
    }
}
