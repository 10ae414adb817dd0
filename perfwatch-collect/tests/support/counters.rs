//! A source of counters whose events count at rates that the test chooses.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use perfwatch_collect::perf_events::{
    Config, CounterGroup, CounterSource, Event, MAX_GROUP, PmuEvent, Reading,
};

/// How many times a second an event counts on a CPU, or why it does not open.
type Rate = fn(u32, &[Event], Event) -> io::Result<u64>;

/// A CPU, and the events of a group opened on it.
type Opened = (u32, Vec<Event>);

/// What a test sees and moves of its source.
#[derive(Clone, Default)]
pub struct Hands {
    /// Seconds since the start.
    pub clock: Arc<AtomicU64>,
    /// All groups that are or were open.
    pub opened: Arc<Mutex<Vec<Opened>>>,
    /// How many times a group was read.
    pub reads: Arc<AtomicU64>,
    /// Tenths of the time in which counters do not run.
    pub idle_tenths: Arc<AtomicU64>,
}

pub struct Rates {
    hands: Hands,
    rate: Rate,
}

struct Group {
    hands: Hands,
    per_second: Vec<u64>,
}

impl Rates {
    pub fn new(rate: Rate) -> (Box<Self>, Hands) {
        let hands = Hands::default();
        (Box::new(Self { hands: hands.clone(), rate }), hands)
    }
}

impl CounterSource for Rates {
    fn open(&self, cpu: u32, events: &[Event]) -> io::Result<Box<dyn CounterGroup>> {
        assert!(events.len() <= MAX_GROUP);
        let rates = events.iter().map(|event| (self.rate)(cpu, events, *event));
        let per_second = rates.collect::<io::Result<_>>()?;
        self.hands.opened.lock().unwrap().push((cpu, events.to_vec()));
        Ok(Box::new(Group { hands: self.hands.clone(), per_second }))
    }
}

impl CounterGroup for Group {
    fn read(&mut self) -> io::Result<Reading> {
        self.hands.reads.fetch_add(1, Relaxed);
        let seconds = self.hands.clock.load(Relaxed);
        let running_tenths = 10 - self.hands.idle_tenths.load(Relaxed);
        let mut reading = Reading {
            enabled_ns: seconds * 1_000_000_000,
            running_ns: seconds * running_tenths * 100_000_000,
            ..Reading::default()
        };
        for (count, per_second) in reading.counts.iter_mut().zip(&self.per_second) {
            *count = per_second * seconds / 10 * running_tenths;
        }
        Ok(reading)
    }
}

/// The number of the event's PMU and its `config`; nothing for an event without a PMU.
pub fn config(event: Event) -> Option<(u32, u64)> {
    match event {
        Event::Pmu(PmuEvent { pmu, config: Config { config, .. } }) => Some((pmu, config)),
        _ => None,
    }
}

pub fn refused(errno: i32) -> io::Result<u64> {
    Err(io::Error::from_raw_os_error(errno))
}
