//! TCP connections by state, counted on a slow thread.
//!
//! The running kernel is asked by netlink ([`sock_diag`]). That answers for the reader's own
//! network only, so for another `/proc`, and where it is refused, `/proc/net/tcp` is read.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use perfwatch_core::{Block, FieldId};

use super::{sock_diag, tcp};
use crate::{Latest, Roots, parse::words};

/// The kernel walks its whole table of connections for this, so it is not asked more often.
const INTERVAL: Duration = Duration::from_secs(15);

/// The files cost ten times as much, and more with every connection.
const FILE_INTERVAL: Duration = Duration::from_secs(60);

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
    /// Starts the thread; the value is nothing where neither source can be read.
    pub(super) fn watch(roots: &Roots) -> Option<Latest<Option<Self>>> {
        let mut census = Census::new(roots);
        Latest::spawn("perfwatch-tcp", INTERVAL, move || census.take(Instant::now())).ok()
    }

    /// Counts one more in the state of this number.
    pub(super) fn add(&mut self, number: usize) {
        let number = if number == NEW_SYN_RECV { 3 } else { number };
        if let Some(count) = number.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            *count += 1;
        }
    }

    fn from_files([tcp4, tcp6]: &[PathBuf; 2]) -> Option<Self> {
        let mut connections = Self::default();
        connections.count(tcp4).ok()?;
        // A host without IPv6 has no such file.
        let _ = connections.count(tcp6);
        Some(connections)
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
        if let Some(number) = state.and_then(|state| usize::from_str_radix(state, 16).ok()) {
            self.add(number);
        }
    }

    pub(super) fn fill(&self, block: &mut Block) {
        let mut row = block.host_row();
        STATES.iter().zip(self.0).for_each(|(field, count)| row.set(*field, count));
    }
}

/// Counts again and again, the files less often.
struct Census {
    files: [PathBuf; 2],
    /// Asks netlink, where the reader's own network is watched.
    netlink: Option<fn() -> io::Result<Connections>>,
    /// What the files said last, and when.
    from_files: Option<(Instant, Option<Connections>)>,
}

impl Census {
    fn new(roots: &Roots) -> Self {
        let own = roots.procfs == Path::new("/proc");
        let netlink = own.then_some(sock_diag::count as fn() -> io::Result<Connections>);
        Self { files: [roots.net("tcp"), roots.net("tcp6")], netlink, from_files: None }
    }

    fn take(&mut self, now: Instant) -> Option<Connections> {
        if let Some(Ok(connections)) = self.netlink.map(|ask| ask()) {
            return Some(connections);
        }
        match self.from_files {
            Some((read, known)) if now.duration_since(read) < FILE_INTERVAL => known,
            _ => self.from_files.insert((now, Connections::from_files(&self.files))).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Both counts are of the whole machine, where others open and close sockets meanwhile: they
    /// are taken until they agree.
    fn agreed() -> Connections {
        let files = Census::new(&Roots::default()).files;
        let mut last = None;
        for _ in 0..200 {
            let netlink = sock_diag::count().unwrap();
            let read = Connections::from_files(&files).unwrap();
            if netlink == read {
                return netlink;
            }
            last = Some((netlink, read));
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("netlink and the files never agreed: {last:?}")
    }

    #[test]
    fn netlink_and_the_files_count_the_same_sockets() {
        let listeners = ["127.0.0.1:0", "127.0.0.1:0", "[::1]:0"].map(TcpListener::bind);
        let listeners: Vec<_> = listeners.into_iter().flatten().collect();
        let open = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let pairs: Vec<_> = listeners.iter().flat_map(|it| [open(it), open(it)]).collect();
        let half_closed = open(&listeners[0]);
        half_closed.0.shutdown(std::net::Shutdown::Write).unwrap();
        let seen = agreed();
        let [established, .., fin_wait1, fin_wait2, _, _, close_wait, _, listen, _] = seen.0;
        assert!(established >= 2 * pairs.len() as u64, "{seen:?}");
        assert!(listen >= listeners.len() as u64, "{seen:?}");
        assert!(fin_wait1 + fin_wait2 >= 1 && close_wait >= 1, "{seen:?}");
    }

    #[test]
    fn where_netlink_is_refused_the_files_are_read() {
        let mut census = Census::new(&Roots::default());
        census.netlink = Some(|| Err(io::Error::from_raw_os_error(nix::libc::EPERM)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(census.take(Instant::now()).is_some_and(|seen| seen.0[9] >= 1));
        drop(listener);
        census.netlink = Some(|| Ok(Connections::default()));
        assert_eq!(census.take(Instant::now()), Some(Connections::default()));
    }

    #[test]
    fn another_hosts_files_are_read_and_not_at_every_turn() {
        let tree = tempfile::TempDir::new().unwrap();
        let net = tree.path().join("1/net");
        std::fs::create_dir_all(&net).unwrap();
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue\n";
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n";
        std::fs::write(net.join("tcp"), format!("{heading}{line}")).unwrap();
        let mut census = Census::new(&Roots { procfs: tree.path().to_owned(), ..Roots::default() });
        let start = Instant::now();
        let mut listening = |after| census.take(start + after).unwrap().0[9];
        assert_eq!(listening(Duration::ZERO), 1);
        std::fs::write(net.join("tcp"), format!("{heading}{line}{line}")).unwrap();
        assert_eq!(listening(FILE_INTERVAL / 2), 1, "too early to read a dear file again");
        assert_eq!(listening(FILE_INTERVAL), 2);
    }
}
