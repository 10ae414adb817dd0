//! The units of all fields: their name, symbol, number of decimals and base unit.

use serde::Serialize;

/// What a number counts. The unit fixes how many decimals a viewed value keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hundredths of a whole, 2 decimals.
    Percent,
    /// Bytes, whole.
    Bytes,
    /// Bytes per second, whole.
    BytesPerSecond,
    /// Events per second, 1 decimal.
    EventsPerSecond,
    /// CPU time in microseconds. Its rate is a share of all CPU time of the same row.
    CpuTime,
    /// Things, whole. As a counter: events.
    Count,
    /// A mean number of things (load, queue length), 2 decimals.
    Average,
    /// One count over another (instructions per cycle), 3 decimals.
    Ratio,
    /// Degrees Celsius, 1 decimal.
    Celsius,
    /// Megahertz, whole.
    Megahertz,
    /// Milliseconds, 3 decimals.
    Milliseconds,
    /// Microseconds, 1 decimal.
    Microseconds,
    /// Seconds, whole.
    Seconds,
    /// Energy counted in microjoules. Its rate is power: a formula says so.
    Microjoules,
    /// Watts, 2 decimals.
    Watts,
    /// Energy held by a battery, in watt hours as its label says, 2 decimals.
    WattHours,
    /// 1 or 0: yes or no.
    Flag,
}

/// The facts of one unit.
struct Facts {
    name: &'static str,
    symbol: &'static str,
    decimals: u8,
    /// One of this unit in the base unit that Prometheus asks for, as numerator and denominator:
    /// dividing by a power of ten keeps decimals exact where multiplying would not.
    base: (f64, f64),
    base_suffix: &'static str,
}

const fn facts(
    name: &'static str,
    symbol: &'static str,
    decimals: u8,
    base: (f64, f64),
    base_suffix: &'static str,
) -> Facts {
    Facts { name, symbol, decimals, base, base_suffix }
}

impl Unit {
    const fn facts(self) -> Facts {
        match self {
            Self::Percent => facts("percent", "%", 2, (1.0, 100.0), "_ratio"),
            Self::Bytes => facts("bytes", "B", 0, (1.0, 1.0), "_bytes"),
            Self::BytesPerSecond => {
                facts("bytes_per_second", "B/s", 0, (1.0, 1.0), "_bytes_per_second")
            }
            Self::EventsPerSecond => facts("events_per_second", "/s", 1, (1.0, 1.0), "_per_second"),
            Self::CpuTime => facts("cpu_time", "µs", 0, (1.0, 1e6), "_seconds"),
            Self::Count => facts("count", "", 0, (1.0, 1.0), ""),
            Self::Average => facts("average", "", 2, (1.0, 1.0), ""),
            Self::Ratio => facts("ratio", "", 3, (1.0, 1.0), ""),
            Self::Celsius => facts("celsius", "°C", 1, (1.0, 1.0), "_celsius"),
            Self::Megahertz => facts("megahertz", "MHz", 0, (1e6, 1.0), "_hertz"),
            Self::Milliseconds => facts("milliseconds", "ms", 3, (1.0, 1e3), "_seconds"),
            Self::Microseconds => facts("microseconds", "µs", 1, (1.0, 1e6), "_seconds"),
            Self::Seconds => facts("seconds", "s", 0, (1.0, 1.0), "_seconds"),
            Self::Microjoules => facts("microjoules", "µJ", 0, (1.0, 1e6), "_joules"),
            Self::Watts => facts("watts", "W", 2, (1.0, 1.0), "_watts"),
            Self::WattHours => facts("watt_hours", "Wh", 2, (3600.0, 1.0), "_joules"),
            Self::Flag => facts("flag", "", 0, (1.0, 1.0), ""),
        }
    }

    /// The unit's name in the catalog, such as `bytes_per_second`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The symbol printed behind a number, such as `%`; empty for plain numbers.
    pub const fn symbol(self) -> &'static str {
        self.facts().symbol
    }

    /// How many decimals a viewed value of this unit keeps.
    pub const fn decimals(self) -> u8 {
        self.facts().decimals
    }

    /// `10^decimals`: what a whole unit is as a fixed-point integer.
    pub const fn scale(self) -> i64 {
        10_i64.pow(self.decimals() as u32)
    }

    /// What a number of this unit is multiplied with and divided by to be in the base unit.
    pub(crate) const fn base(self) -> (f64, f64) {
        self.facts().base
    }

    /// A number of this unit, in the base unit (seconds, bytes, hertz, joules, a ratio).
    pub const fn to_base(self, value: f64) -> f64 {
        let (multiply, divide) = self.base();
        value * multiply / divide
    }

    /// What Prometheus names end in before `_total`, such as `_seconds`.
    pub const fn base_suffix(self) -> &'static str {
        self.facts().base_suffix
    }

    /// The unit of a counter's rate. Counted durations have none of their own: a formula says
    /// what they are a share of.
    pub const fn rate(self) -> Option<Self> {
        match self {
            Self::Bytes => Some(Self::BytesPerSecond),
            Self::Count => Some(Self::EventsPerSecond),
            Self::CpuTime => Some(Self::Percent),
            _ => None,
        }
    }
}
