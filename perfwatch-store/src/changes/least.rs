//! The smallest change of a unit that is worth telling.

use perfwatch_core::Unit;

/// Below this, a change is true and still of no use to anybody: a tenth of a percent of a CPU, a
/// few bytes per second. Without it, a host at rest would have a page of such changes.
pub(super) fn least(unit: Option<Unit>, decimals: u8) -> f64 {
    match unit {
        Some(Unit::Percent) => 1.0,
        Some(Unit::Bytes) => 1_048_576.0,
        Some(Unit::BytesPerSecond) => 1024.0,
        Some(Unit::EventsPerSecond | Unit::Count | Unit::Flag | Unit::Seconds) => 1.0,
        Some(Unit::Average) => 0.25,
        Some(Unit::Ratio) => 0.05,
        Some(Unit::Celsius) => 2.0,
        Some(Unit::Megahertz) => 50.0,
        Some(Unit::Milliseconds) => 0.5,
        Some(Unit::Microseconds) => 50.0,
        Some(Unit::Watts | Unit::WattHours) => 0.5,
        // Counted as they come, and never viewed; or a series of another version.
        Some(Unit::CpuTime | Unit::Microjoules) | None => steps(decimals),
    }
}

/// Ten steps of the last decimal, which is there so that sums stay exact; whole numbers may count
/// things, and one more of them is a change.
fn steps(decimals: u8) -> f64 {
    let step = 10_f64.powi(-i32::from(decimals));
    if decimals == 0 { step } else { 10.0 * step }
}
