//! How long work waited for CPU, memory, disks and interrupts: `/proc/pressure`
//! (Documentation/accounting/psi.rst).

use perfwatch_core::{Block, FieldId, RowMut, Table, metric_table};

use crate::{
    BaseCollector, CollectError, Gap, Roots, Source, blocks_of,
    parse::{ParseError, decimal, lines, number, words},
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

const RESOURCES: [&str; 4] = ["cpu", "memory", "io", "irq"];
const SOME: [FieldId; 4] =
    [resources::some_avg10, resources::some_avg60, resources::some_avg300, resources::some_time];
const FULL: [FieldId; 4] =
    [resources::full_avg10, resources::full_avg60, resources::full_avg300, resources::full_time];

pub(super) struct Pressure {
    sources: Vec<(&'static str, Source)>,
    gaps: Vec<Gap>,
}

impl Pressure {
    pub(super) fn new(roots: &Roots) -> Self {
        let folder = roots.proc("pressure");
        // A kernel that does not account for a resource has no file for it; asking again at every
        // tick would cost an open.
        let (there, absent): (Vec<_>, Vec<_>) =
            RESOURCES.into_iter().partition(|resource| folder.join(resource).exists());
        let gap = |resource: &str| {
            let reason = "this kernel does not account for it";
            Gap::new(format!("pressure of {resource}"), reason, None)
        };
        Self {
            sources: there.iter().map(|&name| (name, Source::new(folder.join(name)))).collect(),
            gaps: absent.iter().map(|resource| gap(resource)).collect(),
        }
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
        if self.sources.is_empty() {
            return Err(CollectError::unsupported(
                "this kernel has no /proc/pressure",
                Some("use Linux 4.20 or newer built with CONFIG_PSI"),
            ));
        }
        for (resource, source) in &mut self.sources {
            let mut row = block.push_row(resource);
            source.parse(|bytes| parse(bytes, &mut row)).map_err(switched_off)?;
            block.set_read_at(source.read_at());
        }
        Ok(())
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

/// A kernel started with `psi=0` has the files and answers with EOPNOTSUPP.
fn switched_off(error: CollectError) -> CollectError {
    match &error {
        CollectError::Io { source, .. } if source.raw_os_error() == Some(nix::libc::EOPNOTSUPP) => {
            let reason = "pressure accounting is switched off in this kernel";
            CollectError::unsupported(reason, Some("boot with psi=1 on the kernel command line"))
        }
        _ => error,
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
