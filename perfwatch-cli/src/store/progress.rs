//! How far long work is, on standard error where that is a terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use perfwatch_store::Progress;

/// Short work is not worth a word, and the eye reads no faster.
const PAUSE: Duration = Duration::from_millis(300);

/// A line that is written over and over.
pub(super) struct ProgressLine {
    verb: &'static str,
    on_terminal: bool,
    /// When it was last written, and whether it ever was.
    state: Mutex<(Instant, bool)>,
}

impl ProgressLine {
    pub(super) fn new(verb: &'static str) -> Self {
        let on_terminal = io::stderr().is_terminal();
        Self { verb, on_terminal, state: Mutex::new((Instant::now(), false)) }
    }

    pub(super) fn tell(&self, progress: Progress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.on_terminal || state.0.elapsed() < PAUSE {
            return;
        }
        *state = (Instant::now(), true);
        // Nobody is left to tell if this fails.
        let _ = write!(io::stderr(), "\r{} {}\x1b[K", self.verb, percent(progress));
    }
}

impl Drop for ProgressLine {
    /// Leaves the terminal as it was.
    fn drop(&mut self) {
        if self.state.get_mut().unwrap_or_else(PoisonError::into_inner).1 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn percent(Progress { done, total }: Progress) -> String {
    match total {
        0 => "...".to_owned(),
        total => format!("{}%", (u128::from(done) * 100 / u128::from(total)).min(100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_more_than_all() {
        assert_eq!(percent(Progress { done: 1, total: 3 }), "33%");
        assert_eq!(percent(Progress { done: 4, total: 3 }), "100%");
        assert_eq!(percent(Progress { done: 4, total: 0 }), "...");
    }
}
