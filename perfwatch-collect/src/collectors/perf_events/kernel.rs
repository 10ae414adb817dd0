//! Counters of the running kernel, through `perf_event_open(2)`.

use std::{
    fs::File,
    io::{self, Read},
};

use perf_event::{
    Builder, Counter, ReadFormat,
    events::{Cache, CacheOp, Raw, Software},
};

use super::{Config, CounterGroup, CounterSource, Event, MAX_GROUP, PmuEvent, Reading};
use crate::{Roots, sys};

/// The running kernel.
#[derive(Clone, Copy, Debug)]
pub struct KernelCounters;

/// Why nothing is counted where the trees are another host's.
pub(crate) const FOREIGN: &str = "counters are the running kernel's, and this /sys is a copy";

impl KernelCounters {
    /// The running kernel's counters, if the trees are its own.
    pub(crate) fn of(roots: &Roots) -> Option<Box<dyn CounterSource>> {
        let boxed: Box<dyn CounterSource> = Box::new(Self);
        roots.is_running_kernel().then_some(boxed)
    }
}

impl CounterSource for KernelCounters {
    fn open(&self, cpu: u32, events: &[Event]) -> io::Result<Box<dyn CounterGroup>> {
        let empty = || io::Error::new(io::ErrorKind::InvalidInput, "a group needs an event");
        let (first, members) = events.split_first().ok_or_else(empty)?;
        let mut leader = builder(cpu, *first).enabled(false).build()?;
        let members = members
            .iter()
            .map(|event| builder(cpu, *event).enabled(true).build_with_group(&mut leader))
            .collect::<io::Result<Vec<Counter>>>()?;
        // All are there: the leader switches the group on at one instant.
        leader.enable()?;
        Ok(Box::new(KernelGroup { leader: sys::into_file(leader), _members: members }))
    }
}

fn builder(cpu: u32, event: Event) -> Builder<'static> {
    let mut builder = Builder::new(Software::DUMMY);
    match event {
        Event::Software(event) => builder.event(event),
        Event::Hardware(event) => builder.event(event),
        Event::CacheRead(which, result) => {
            builder.event(Cache { which, operation: CacheOp::READ, result })
        }
        Event::Pmu(PmuEvent { pmu, config: Config { config, config1, config2 } }) => {
            builder.event(Raw::new(config).config1(config1).config2(config2));
            builder.attrs_mut().type_ = pmu;
            &mut builder
        }
    };
    builder.any_pid().one_cpu(cpu as usize).include_kernel().include_hv().read_format(
        ReadFormat::GROUP | ReadFormat::TOTAL_TIME_ENABLED | ReadFormat::TOTAL_TIME_RUNNING,
    );
    builder
}

struct KernelGroup {
    leader: File,
    /// Closing a member would take it out of the group.
    _members: Vec<Counter>,
}

/// What the kernel writes: the number of events, the two times, then a count and an id per event.
const HEAD: usize = 3;
const WORDS: usize = HEAD + 2 * MAX_GROUP;

impl CounterGroup for KernelGroup {
    fn read(&mut self) -> io::Result<Reading> {
        let mut bytes = [0; WORDS * size_of::<u64>()];
        let length = self.leader.read(&mut bytes)?;
        let mut words = [0; WORDS];
        let read = bytes.get(..length).unwrap_or_default();
        for (word, chunk) in words.iter_mut().zip(read.as_chunks().0) {
            *word = u64::from_ne_bytes(*chunk);
        }
        let [_events, enabled_ns, running_ns, pairs @ ..] = words;
        let mut reading = Reading { enabled_ns, running_ns, ..Reading::default() };
        for (count, [value, _id]) in reading.counts.iter_mut().zip(pairs.as_chunks().0) {
            *count = *value;
        }
        // An event in error state (its CPU went away) reads as end of file.
        if length < HEAD * size_of::<u64>() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(reading)
    }
}
