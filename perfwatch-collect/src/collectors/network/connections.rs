//! TCP connections by state, counted on a slow thread.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    time::Duration,
};

use perfwatch_core::{Block, FieldId};

use super::tcp;
use crate::{Latest, Roots, parse::words};

/// The kernel walks its whole table of connections for this, so it is not asked more often.
const INTERVAL: Duration = Duration::from_secs(15);

/// The fields in the order of the kernel's state numbers, from 1 (include/net/tcp_states.h).
const STATES: [FieldId; 11] = [
    tcp::established,
    tcp::syn_sent,
    tcp::syn_recv,
    tcp::fin_wait1,
    tcp::fin_wait2,
    tcp::time_wait,
    tcp::close,
    tcp::close_wait,
    tcp::last_ack,
    tcp::listen,
    tcp::closing,
];

/// The state that the kernel shows for a connection request that has no socket yet.
const NEW_SYN_RECV: usize = 12;

/// How many connections there are in each state, IPv4 and IPv6 together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connections([u64; STATES.len()]);

impl Connections {
    /// Starts the thread; the value is nothing where the file cannot be read.
    pub(super) fn watch(roots: &Roots) -> Option<Latest<Option<Self>>> {
        let (tcp4, tcp6) = (roots.net("tcp"), roots.net("tcp6"));
        let read = move || {
            let mut connections = Self::default();
            connections.count(&tcp4).ok()?;
            // A host without IPv6 has no such file.
            let _ = connections.count(&tcp6);
            Some(connections)
        };
        Latest::spawn("perfwatch-tcp", INTERVAL, read).ok()
    }

    fn count(&mut self, path: &Path) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            self.count_line(&line);
            line.clear();
        }
        Ok(())
    }

    /// `0: 0100007F:1F90 00000000:0000 0A ...`: the fourth word is the state, in hexadecimal.
    fn count_line(&mut self, line: &[u8]) {
        let state = words(line).nth(3).and_then(|word| std::str::from_utf8(word).ok());
        let Some(number) = state.and_then(|state| usize::from_str_radix(state, 16).ok()) else {
            return;
        };
        let number = if number == NEW_SYN_RECV { 3 } else { number };
        if let Some(count) = number.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            *count += 1;
        }
    }

    pub(super) fn fill(&self, block: &mut Block) {
        let mut row = block.host_row();
        STATES.iter().zip(self.0).for_each(|(field, count)| row.set(*field, count));
    }
}
