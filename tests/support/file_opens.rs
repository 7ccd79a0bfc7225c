//! Who opens and closes a file, as the kernel tells it: a reader of a pipe that nobody serves leaves no other
//! trace, and to ask by opening the other end would look like a writer.

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

    /// Counts the opens of one file, by whomever, and the ends of its readers.
    pub struct FileOpens {
        events: OwnedFd,
        begun: usize,
        readers_gone: usize,
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere nothing is known")]
    impl FileOpens {
        /// From now on.
        pub fn of(path: &Path) -> Self {
            let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("events");
            // Closes for the sake of opens, too: the kernel joins equal events that follow one another.
            let wanted = WatchFlags::OPEN | WatchFlags::CLOSE;
            inotify::add_watch(&events, path, wanted).expect("the file is there");
            Self { events, begun: 0, readers_gone: 0 }
        }

        /// So far; `None` where it cannot be known.
        pub fn count(&mut self) -> Option<usize> {
            self.read();
            Some(self.begun)
        }

        /// Whether a reader has closed it; `None` where it cannot be known.
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

    /// Knows nothing: the file system events of macOS tell no opens.
    pub struct FileOpens;

    impl FileOpens {
        /// From now on.
        pub fn of(_: &Path) -> Self {
            Self
        }

        /// So far; `None` where it cannot be known.
        pub fn count(&mut self) -> Option<usize> {
            None
        }

        /// Whether a reader has closed it; `None` where it cannot be known.
        pub fn reader_has_gone(&mut self) -> Option<bool> {
            None
        }
    }
}
