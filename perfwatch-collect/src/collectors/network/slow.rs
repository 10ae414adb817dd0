//! What changes slowly, read on one thread: links, and the number of sockets in use.

use std::{sync::Arc, time::Duration};

use perfwatch_core::Block;

use super::{
    links::{LinkWatch, Links},
    protocols, sockets,
};
use crate::{Gap, Latest, Roots, Source, part::Part};

const INTERVAL: Duration = Duration::from_secs(5);

/// The latest slow readings.
pub(super) struct Slow {
    pub(super) links: Arc<Links>,
    sockets: Block,
    gaps: Vec<Gap>,
}

impl Slow {
    /// Starts the thread; nothing where the system gives none.
    pub(super) fn watch(roots: &Roots) -> Option<Latest<Self>> {
        let mut links = LinkWatch::new(roots);
        let mut files = SocketFiles::new(roots);
        let read = move || {
            let sockets = files.read();
            Self { links: links.links(), sockets, gaps: files.gaps.clone() }
        };
        Latest::spawn("perfwatch-links", INTERVAL, read).ok()
    }

    pub(super) fn fill_sockets(&self, block: &mut Block, gaps: &mut Vec<Gap>) {
        block.copy_from(&self.sockets);
        Gap::keep(gaps, SOCKETS, self.gaps.iter().find(|gap| gap.what == SOCKETS));
    }
}

const SOCKETS: &str = "sockets";

/// `/proc/net/sockstat`, and `sockstat6` where the host has IPv6.
struct SocketFiles {
    sockstat: Part,
    sockstat6: Part,
    gaps: Vec<Gap>,
}

impl SocketFiles {
    fn new(roots: &Roots) -> Self {
        Self {
            sockstat: Part::new(SOCKETS, Source::new(roots.net("sockstat"))),
            sockstat6: Part::new("IPv6 sockets", Source::new(roots.net("sockstat6"))),
            gaps: Vec::new(),
        }
    }

    fn read(&mut self) -> Block {
        let mut block = Block::new(&sockets::TABLE);
        let read = |bytes: &[u8]| protocols::parse_sockstat(bytes, &mut block);
        if self.sockstat.parse(&mut self.gaps, read) {
            block.set_read_at(self.sockstat.read_at());
            self.sockstat6.parse_if_there(|bytes| protocols::parse_sockstat(bytes, &mut block));
        } else {
            block.clear();
        }
        block
    }
}
