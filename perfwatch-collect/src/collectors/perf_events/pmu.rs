//! PMUs as the kernel lists them in `/sys/bus/event_source/devices`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Event, PmuEvent,
    encoding::{Config, Format, Term, terms},
};
use crate::{
    CollectError, Roots,
    parse::{ParseError, cpu_list, first_number},
    sysfs::{entries, file_name, read_line, read_number},
};

/// One PMU: its folder and its number.
#[derive(Clone, Debug)]
pub(crate) struct Pmu {
    folder: PathBuf,
    number: u32,
}

impl Pmu {
    /// All PMUs whose name is `prefix`, or begins with it and an underscore; in the order of
    /// their numbers.
    pub(crate) fn all(roots: &Roots, prefix: &str) -> Vec<Self> {
        let is_one = |folder: &PathBuf| {
            let rest = file_name(folder).strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        let folders = entries(&roots.sys("bus/event_source/devices"));
        folders.into_iter().filter(is_one).filter_map(Self::at).collect()
    }

    fn at(folder: PathBuf) -> Option<Self> {
        let number = first_number(&fs::read(folder.join("type")).ok()?)?;
        Some(Self { number: u32::try_from(number).ok()?, folder })
    }

    pub(crate) fn name(&self) -> &str {
        file_name(&self.folder)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The CPUs to count on: all that have this PMU (`cpus`), or one for each socket (`cpumask`).
    pub(crate) fn cpus(&self) -> Result<Vec<u32>, CollectError> {
        let mask = self.folder.join("cpumask");
        let list = fs::read(self.folder.join("cpus")).or_else(|_| fs::read(&mask));
        let list = list.map_err(|source| CollectError::Io { path: mask, source })?;
        let mut cpus = Vec::new();
        cpu_list(&list, |cpu| cpus.push(cpu));
        Ok(cpus)
    }

    pub(crate) fn has(&self, event: &str) -> bool {
        self.event_file(event).exists()
    }

    /// An event by its name below `events`.
    pub(crate) fn event(&self, name: &str) -> Result<Event, CollectError> {
        let path = self.event_file(name);
        let text = read(&path)?;
        let terms = terms(&text).map_err(|error| CollectError::parse(&path, error))?;
        self.encode(&path, &terms)
    }

    /// An event by its terms, for PMUs that list no events.
    pub(crate) fn event_of(&self, terms: &[Term<'_>]) -> Result<Event, CollectError> {
        self.encode(&self.folder.join("format"), terms)
    }

    /// How many bits the value of a term may have; nothing where there is no such term.
    pub(crate) fn width(&self, term: &str) -> Option<u32> {
        let text = fs::read(self.format_file(term.as_bytes())?).ok()?;
        Some(Format::parse(&text).ok()?.width())
    }

    /// What one count of an event is worth, and in which unit, where the kernel says so.
    pub(crate) fn scale(&self, event: &str) -> Option<(f64, String)> {
        let scale = read_number(&self.event_file(&format!("{event}.scale")))?;
        Some((scale, read_line(&self.event_file(&format!("{event}.unit"))).unwrap_or_default()))
    }

    /// The file of an event, for messages.
    pub(crate) fn event_file(&self, name: &str) -> PathBuf {
        self.folder.join("events").join(name)
    }

    fn format_file(&self, term: &[u8]) -> Option<PathBuf> {
        Some(self.folder.join("format").join(std::str::from_utf8(term).ok()?))
    }

    fn encode(&self, origin: &Path, terms: &[Term<'_>]) -> Result<Event, CollectError> {
        let wrong = |error| CollectError::parse(origin, error);
        let mut config = Config::default();
        for &(name, value) in terms {
            let file = self.format_file(name);
            let format = file.as_deref().map(|path| (path, fs::read(path)));
            match (format, config.word(name)) {
                (Some((path, Ok(text))), _) => {
                    let format = Format::parse(&text);
                    let format = format.map_err(|error| CollectError::parse(path, error))?;
                    format.put(value, &mut config).map_err(wrong)?;
                }
                // A whole word may be named without a format.
                (_, Some(word)) => *word |= value,
                _ => {
                    let reason = "a term is not among the PMU's formats";
                    return Err(wrong(ParseError { line: 1, reason }));
                }
            }
        }
        Ok(Event::Pmu(PmuEvent { pmu: self.number, config }))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CollectError> {
    let failed = |source: io::Error| CollectError::Io { path: path.to_owned(), source };
    fs::read(path).map_err(failed)
}
