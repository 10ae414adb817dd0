//! Runs an aggregator on a thread of its own, at absolute deadlines.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::MetricsAggregator;

/// The shortest interval between two ticks.
pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// One round of the sampler.
pub struct Tick<'a> {
    /// The aggregator after its round: frame, view and states.
    pub aggregator: &'a MetricsAggregator,
    /// How many rounds there were, this one included.
    pub ticks: u64,
    /// How many deadlines passed without a round.
    pub missed: u64,
    /// How long after its deadline this round began.
    pub lateness: Duration,
}

/// The sampling thread. It stops when told to or when dropped.
pub struct Sampler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts the thread. `on_tick` runs on it after each round and must not block.
    ///
    /// # Errors
    /// If the interval is below [`MIN_INTERVAL`] or the system gives no thread.
    pub fn spawn(
        mut aggregator: MetricsAggregator,
        interval: Duration,
        mut on_tick: impl FnMut(&Tick<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        if interval < MIN_INTERVAL {
            let reason = format!("the interval {interval:?} is below {MIN_INTERVAL:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            let mut schedule = Schedule::new(interval);
            loop {
                let wait = schedule.deadline.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let lateness = schedule.begin(Instant::now());
                aggregator.note_schedule(lateness, schedule.missed);
                aggregator.collect_all();
                let (ticks, missed) = (schedule.ticks, schedule.missed);
                on_tick(&Tick { aggregator: &aggregator, ticks, missed, lateness });
            }
        };
        let thread = thread::Builder::new().name("perfwatch-tick".to_owned()).spawn(run)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Stops the thread and waits for its round to end.
    pub fn stop(self) {}
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of `on_tick` was already printed by the thread itself.
            let _ = thread.join();
        }
    }
}

/// Deadlines at multiples of the interval. A late round is not made up for: the deadlines that
/// passed meanwhile are counted as missed.
struct Schedule {
    interval: Duration,
    deadline: Instant,
    ticks: u64,
    missed: u64,
}

impl Schedule {
    fn new(interval: Duration) -> Self {
        Self { interval, deadline: Instant::now(), ticks: 0, missed: 0 }
    }

    /// Begins a round: returns its lateness and moves the deadline into the future.
    fn begin(&mut self, now: Instant) -> Duration {
        let lateness = now.saturating_duration_since(self.deadline);
        let passed = lateness.as_nanos() / self.interval.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.ticks += 1;
        self.missed += u64::from(passed);
        self.deadline += self.interval.saturating_mul(passed.saturating_add(1));
        lateness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_ticks_on_its_own_thread_and_stops_when_told() {
        let (sender, ticks) = mpsc::channel();
        let aggregator = MetricsAggregator::with_collectors(Vec::new());
        let sampler = Sampler::spawn(aggregator, MIN_INTERVAL, move |tick| {
            let _ = sender.send((tick.ticks, tick.aggregator.frame().timestamp_ms));
        });
        let seen: Vec<_> = ticks.iter().take(3).collect();
        sampler.unwrap().stop();
        assert_eq!(seen.iter().map(|(tick, _)| *tick).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert!(ticks.iter().count() <= 1, "nothing comes after the stop");
    }

    #[test]
    fn too_short_an_interval_is_refused() {
        let aggregator = MetricsAggregator::with_collectors(Vec::new());
        let refused = Sampler::spawn(aggregator, Duration::from_millis(50), |_| {});
        assert!(refused.err().unwrap().to_string().contains("below 100ms"));
    }

    #[test]
    fn a_pause_is_counted_and_not_made_up_for() {
        let interval = Duration::from_millis(100);
        let mut schedule = Schedule::new(interval);
        let start = schedule.deadline;
        assert_eq!(schedule.begin(start), Duration::ZERO);
        assert_eq!(schedule.begin(start + Duration::from_millis(130)), Duration::from_millis(30));
        assert_eq!(schedule.deadline, start + 2 * interval);
        schedule.begin(start + Duration::from_millis(730));
        assert_eq!((schedule.ticks, schedule.missed), (3, 5));
        assert_eq!(schedule.deadline, start + 8 * interval, "back on the grid, in the future");
    }
}
