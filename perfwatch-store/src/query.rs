//! What can be asked, and what is answered.

use std::time::Duration;

use perfwatch_core::series::Pattern;

use crate::StoreError;

/// The end of the year 9999; nothing is stored behind it.
pub(crate) const LAST_MS: i64 = 253_402_300_800_000;

/// Longer steps than this mean a slip in the unit.
const MAX_STEP: Duration = Duration::from_secs(36_525 * 24 * 3600);

/// Which values are meant: some series of one host over a range of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The host's name.
    pub host: String,
    /// The series; each is meant once, however many patterns name it.
    pub patterns: Vec<Pattern>,
    /// The first millisecond.
    pub start_ms: i64,
    /// The millisecond behind the last.
    pub end_ms: i64,
}

impl Selection {
    /// Checks that the range is one.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] naming the parameter.
    pub fn validate(&self) -> Result<(), StoreError> {
        let times = [("start_time", self.start_ms), ("end_time", self.end_ms)];
        for (parameter, time) in times {
            if !(0..=LAST_MS).contains(&time) {
                let reason = "it must lie between the years 1970 and 9999";
                return Err(StoreError::bad_query(parameter, reason));
            }
        }
        if self.start_ms >= self.end_ms {
            let reason = "it must be later than start_time";
            return Err(StoreError::bad_query("end_time", reason));
        }
        Ok(())
    }
}

/// How far apart the points of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// As stored where that fits in the limit, else the smallest round step that does.
    Auto,
    /// As stored; becomes a round step where that does not fit in the limit.
    Raw,
    /// Buckets of this length, starting at its multiples since 1970 (UTC). It grows where there
    /// would be more than the limit, and where only longer downsampled frames are left.
    Every(Duration),
}

/// What a point says about the values in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Their mean: the exact sum over the exact count, rounded to the series' decimals.
    Avg,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// The newest.
    Last,
    /// How many there are.
    Count,
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Avg, Self::Min, Self::Max, Self::Last, Self::Count];

    /// Its name in queries and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::Count => "count",
        }
    }

    /// The aggregate of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.name() == name)
    }
}

/// A question about points over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeQuery {
    /// Which values.
    pub selection: Selection,
    /// How far apart the points are.
    pub step: Step,
    /// At most so many points; fewer where very many series are asked for at once. A limit never
    /// cuts points off: the step grows.
    pub limit: usize,
    /// What each point says; one series of the answer for each.
    pub aggregates: Vec<Aggregate>,
}

impl RangeQuery {
    /// Checks that the question can be answered.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] naming the parameter.
    pub fn validate(&self) -> Result<(), StoreError> {
        self.selection.validate()?;
        if self.limit == 0 {
            return Err(StoreError::bad_query("limit", "it must be at least 1"));
        }
        if self.aggregates.is_empty() {
            let reason = "at least one of avg, min, max, last and count is needed";
            return Err(StoreError::bad_query("aggregate", reason));
        }
        match self.step {
            Step::Every(step) if !(Duration::from_millis(1)..=MAX_STEP).contains(&step) => {
                let reason = "it must lie between a millisecond and a hundred years";
                Err(StoreError::bad_query("interval", reason))
            }
            _ => Ok(()),
        }
    }
}

/// How fine the frames behind an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// As they were appended.
    Raw,
    /// At least a part was downsampled to this interval (the longest one, if there are several).
    Downsampled(Duration),
}

/// Points over time.
///
/// A bucketed answer has every bucket between the first and the last stored frame of the range; an
/// unbucketed one has a row of nulls inside each hole. `None` is a gap or a value not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAnswer {
    /// The length of a bucket in milliseconds; 0 where the points are as stored.
    pub step_ms: i64,
    /// How far apart the stored frames are (the median), or their downsampled interval.
    pub resolution_ms: i64,
    /// How fine the frames behind it are.
    pub tier: Tier,
    /// Where each point stands: the start of its bucket, or the time of its frame.
    pub timestamps_ms: Vec<i64>,
    /// The series that have a value in the range: by path, then in the order of the aggregates.
    pub series: Vec<Series>,
    /// Frames, and stretches of series, that were left out because their checksum is wrong.
    pub damaged: u64,
}

/// One aggregate of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The series' name.
    pub path: String,
    /// The path's segments.
    pub segments: Vec<String>,
    /// What the values say.
    pub aggregate: Aggregate,
    /// How many decimals the values have.
    pub decimals: u8,
    /// One value per timestamp.
    pub values: Vec<Option<f64>>,
}

/// One series over a whole range.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSummary {
    /// The series' name.
    pub path: String,
    /// The path's segments.
    pub segments: Vec<String>,
    /// How many decimals the figures have.
    pub decimals: u8,
    /// How many values there are: at least 1.
    pub count: u64,
    /// Their mean, rounded to the decimals.
    pub avg: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// The newest.
    pub last: f64,
}
