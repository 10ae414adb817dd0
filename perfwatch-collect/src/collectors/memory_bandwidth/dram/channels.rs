//! The counters of all memory controllers, open, added up by socket.

use std::{fs, io};

use perfwatch_core::{Block, RowMut};

use super::{
    FIELDS, Flow,
    controllers::{Controller, Counter},
};
use crate::{
    CollectError, Roots,
    parse::first_number,
    perf_events::{
        CounterSource, Event,
        scaled::{ScaledGroup, Total, descriptor_budget},
    },
};

/// An eighth of the file descriptors: two sockets of twelve controllers need about a hundred.
const DESCRIPTOR_SHARE: u64 = 8;

/// All open counters.
#[derive(Default)]
pub(super) struct Channels {
    channels: Vec<Channel>,
    /// Ascending.
    sockets: Vec<Socket>,
    lost: bool,
}

/// Counters of one controller that are counted at once, on one socket.
struct Channel {
    group: ScaledGroup,
    counters: Vec<Counter>,
    socket: usize,
}

struct Socket {
    number: u64,
    name: String,
    /// Bytes so far, by [`Flow`]; nothing where no counter tells.
    bytes: [Option<Total>; FIELDS.len()],
    /// Whether all its channels counted since the last reading.
    whole: bool,
}

impl Channels {
    pub(super) fn are_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether they are open and all of them still count.
    pub(super) fn are_whole(&self) -> bool {
        !self.channels.is_empty() && !self.lost
    }

    /// Opens all counters of these controllers, or none.
    pub(super) fn open(
        source: &dyn CounterSource,
        roots: &Roots,
        controllers: Vec<Controller>,
    ) -> io::Result<Self> {
        let needed = |one: &Controller| one.counters.len() * one.cpus.len();
        let needed: usize = controllers.iter().map(needed).sum();
        if needed as u64 > descriptor_budget(DESCRIPTOR_SHARE) {
            return Err(io::Error::from_raw_os_error(nix::libc::EMFILE));
        }
        let mut open = Self { sockets: sockets(roots, &controllers), ..Self::default() };
        for controller in controllers {
            for (order, cpu) in controller.cpus.iter().enumerate() {
                let number = socket_of(roots, *cpu, order);
                let socket = open.sockets.iter().position(|socket| socket.number == number);
                open.controller(source, *cpu, socket.unwrap_or(0), &controller)?;
            }
        }
        Ok(open)
    }

    fn controller(
        &mut self,
        source: &dyn CounterSource,
        cpu: u32,
        socket: usize,
        controller: &Controller,
    ) -> io::Result<()> {
        for counters in controller.counters.chunks(controller.at_once) {
            let events: Vec<Event> = counters.iter().map(|counter| counter.event).collect();
            let group = ScaledGroup::open(source, std::iter::once((cpu, events)))?;
            self.channels.push(Channel { group, counters: counters.to_vec(), socket });
        }
        Ok(())
    }

    /// Reads all counters and writes the totals of each socket and of the host.
    pub(super) fn read(&mut self, host: &mut Block, rows: &mut Block) -> Result<(), CollectError> {
        self.sockets.iter_mut().for_each(|socket| socket.whole = true);
        for channel in &mut self.channels {
            let spent = channel.group.read()?;
            self.lost |= spent.lost;
            let Some(socket) = self.sockets.get_mut(channel.socket) else { continue };
            socket.whole &= spent.everywhere;
            for (counter, grown) in channel.counters.iter().zip(spent.grown) {
                socket.add(counter.flow, grown * counter.bytes_per_count);
            }
        }
        for socket in &self.sockets {
            socket.write(&mut rows.push_row(&socket.name));
        }
        // The sum of some sockets is not the host's.
        if !self.sockets.is_empty() && self.sockets.iter().all(|socket| socket.whole) {
            self.sum_up(host);
        }
        Ok(())
    }

    fn sum_up(&self, host: &mut Block) {
        let mut row = host.host_row();
        for (index, field) in FIELDS.into_iter().enumerate() {
            let sockets = self.sockets.iter().map(|socket| socket.bytes.get(index)?.as_ref());
            let sum: Option<f64> = sockets.map(|total| total.map(|total| total.get())).sum();
            sum.into_iter().for_each(|sum| row.set_f64(field, sum));
        }
    }
}

impl Socket {
    fn add(&mut self, flow: Flow, bytes: f64) {
        for (total, field) in self.bytes.iter_mut().zip([Flow::Read, Flow::Write, Flow::Either]) {
            if field == flow || field == Flow::Either {
                total.get_or_insert_default().add(bytes);
            }
        }
    }

    fn write(&self, row: &mut RowMut<'_>) {
        for (field, total) in FIELDS.into_iter().zip(self.bytes).filter(|_| self.whole) {
            total.into_iter().for_each(|total| row.set_f64(field, total.get()));
        }
    }
}

fn sockets(roots: &Roots, controllers: &[Controller]) -> Vec<Socket> {
    let cpus = controllers.iter().flat_map(|one| one.cpus.iter().enumerate());
    let mut numbers: Vec<u64> = cpus.map(|(order, cpu)| socket_of(roots, *cpu, order)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let socket = |number: u64| Socket {
        number,
        name: number.to_string(),
        bytes: [None; FIELDS.len()],
        whole: true,
    };
    numbers.into_iter().map(socket).collect()
}

/// The socket of a CPU; where the kernel does not tell, its place in the PMU's `cpumask`.
fn socket_of(roots: &Roots, cpu: u32, order: usize) -> u64 {
    let path = roots.sys(&format!("devices/system/cpu/cpu{cpu}/topology/physical_package_id"));
    fs::read(path).ok().and_then(|text| first_number(&text)).unwrap_or(order as u64)
}
