//! How long work waited for CPU, memory, disks and interrupts: `/proc/pressure`
//! (Documentation/accounting/psi.rst).

use perfwatch_core::{Block, FieldId, RowMut, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Roots, Source, blocks_of,
    parse::{ParseError, decimal, lines, number, words},
    part::Part,
};

metric_table! {
    /// Share of time in which work waited for a resource.
    pub table resources: pressure per resource {
        /// Time in which some thread waited.
        some_time: Counter Microseconds,
        /// Time in which no thread could go on.
        full_time: Counter Microseconds,
        /// Share of time in which some thread waited, over 10 s, as the kernel averages it.
        some_avg10: Gauge Percent,
        /// Share of time in which some thread waited, over a minute.
        some_avg60: Gauge Percent,
        /// Share of time in which some thread waited, over 5 minutes.
        some_avg300: Gauge Percent,
        /// Share of time in which no thread could go on, over 10 s, as the kernel averages it.
        full_avg10: Gauge Percent,
        /// Share of time in which no thread could go on, over a minute.
        full_avg60: Gauge Percent,
        /// Share of time in which no thread could go on, over 5 minutes.
        full_avg300: Gauge Percent,
    }
    derive {
        /// Share of the last interval in which some thread waited.
        some: Percent = [some_time] / second,
        /// Share of the last interval in which no thread could go on.
        full: Percent = [full_time] / second,
    }
}

static TABLES: [&Table; 1] = [&resources::TABLE];

/// The resources, and what is missing without each.
const RESOURCES: [(&str, &str); 4] = [
    ("cpu", "pressure of cpu"),
    ("memory", "pressure of memory"),
    ("io", "pressure of io"),
    ("irq", "pressure of irq"),
];
const SOME: [FieldId; 4] =
    [resources::some_avg10, resources::some_avg60, resources::some_avg300, resources::some_time];
const FULL: [FieldId; 4] =
    [resources::full_avg10, resources::full_avg60, resources::full_avg300, resources::full_time];

pub(super) struct Pressure {
    parts: Vec<(&'static str, Part)>,
    gaps: Vec<Gap>,
}

impl Pressure {
    pub(super) fn new(roots: &Roots) -> Self {
        let folder = roots.proc("pressure");
        let part =
            |(resource, what)| (resource, Part::new(what, Source::new(folder.join(resource))));
        Self { parts: RESOURCES.into_iter().map(part).collect(), gaps: Vec::new() }
    }
}

impl BaseCollector for Pressure {
    fn name(&self) -> &'static str {
        "pressure"
    }

    fn tables(&self) -> &'static [&'static Table] {
        &TABLES
    }

    fn collect(&mut self, blocks: &mut [Block]) -> Result<(), CollectError> {
        let [block] = blocks_of(blocks)?;
        for (resource, part) in &mut self.parts {
            // A part that is missing was read long ago, if ever.
            if part.parse(&mut self.gaps, |bytes| parse(bytes, &mut block.push_row(resource))) {
                block.set_read_at(part.read_at());
            }
        }
        match self.gaps.first() {
            Some(gap) if self.gaps.len() == RESOURCES.len() => Err(CollectError::unsupported(
                gap.reason.clone(),
                Some("use Linux 4.20 or newer built with CONFIG_PSI, booted with psi=1"),
            )),
            _ => Ok(()),
        }
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

/// `some avg10=0.98 avg60=0.86 avg300=1.82 total=19116926`, and the same with `full`.
fn parse(bytes: &[u8], row: &mut RowMut<'_>) -> Result<(), ParseError> {
    for (index, line) in lines(bytes)?.enumerate() {
        let mut words = words(line);
        let fields = match words.next() {
            Some(b"some") => SOME,
            Some(b"full") => FULL,
            _ => continue,
        };
        let bad = ParseError::at(index, "expected avg10=, avg60=, avg300= and total=");
        let [avg10, avg60, avg300, total] = fields;
        for (field, name) in [(avg10, "avg10="), (avg60, "avg60="), (avg300, "avg300=")] {
            let word = words.next().and_then(|word| word.strip_prefix(name.as_bytes()));
            row.set_f64(field, word.and_then(decimal).ok_or(bad)?);
        }
        let word = words.next().and_then(|word| word.strip_prefix(b"total="));
        row.set(total, word.and_then(number).ok_or(bad)?);
    }
    Ok(())
}
