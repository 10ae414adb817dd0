//! Which number stands for which series of which host.
//!
//! The whole index is in memory. A backend with a disk writes what is new beside the frame that
//! needs it, in the same transaction; if that fails, the numbers stay given and are written with
//! the next frame. A series is a path with its number of decimals, so that a table whose unit
//! changes in a later version starts a new series instead of spoiling the old one.

use std::{collections::HashMap, sync::Arc};

use super::{HostIndex, Place, frame::Frame};
use crate::{
    ImportFrame, Record, StoreError,
    archive::{Shelf, TIMES, shelves_of},
};

/// A host's number must fit into 15 bits (see the keys of the SQLite backend).
const MOST_HOSTS: usize = 1 << 15;

/// All hosts; a host's number is its place here.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hosts: Vec<HostIndex>,
    by_name: HashMap<Arc<str>, u32>,
}

impl Index {
    /// All hosts in the order of their numbers.
    pub(crate) fn hosts(&self) -> &[HostIndex] {
        &self.hosts
    }

    /// The number of a host.
    pub(crate) fn host(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// A host by its number.
    pub(crate) fn get(&self, host: u32) -> Option<&HostIndex> {
        self.hosts.get(host as usize)
    }

    /// A host by its number, to be changed.
    pub(crate) fn get_mut(&mut self, host: u32) -> Option<&mut HostIndex> {
        self.hosts.get_mut(host as usize)
    }

    /// Remembers that all hosts and series are on disk.
    pub(crate) fn mark_saved(&mut self) {
        self.hosts.iter_mut().for_each(HostIndex::mark_saved);
    }

    /// Adds a host and returns its number.
    pub(crate) fn add_host(&mut self, name: Arc<str>) -> u32 {
        let number = self.hosts.len() as u32;
        self.by_name.insert(Arc::clone(&name), number);
        self.hosts.push(HostIndex::new(name));
        number
    }

    /// Adds a number whose host's name cannot be read: nobody can ask for it.
    pub(crate) fn add_unknown_host(&mut self) -> u32 {
        let number = self.hosts.len() as u32;
        let mut host = HostIndex::new(Arc::from(""));
        host.mark_saved();
        self.hosts.push(host);
        number
    }

    /// The shelves of each host that is known.
    pub(crate) fn shelves(&self) -> Vec<Vec<Shelf>> {
        let hosts = (0..).zip(&self.hosts);
        hosts.map(|(number, host)| shelves_of(number, host.intervals_ms.iter().copied())).collect()
    }

    /// Turns records into frames; new hosts and series get their numbers.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] if a time is one that cannot be kept.
    pub(crate) fn prepare(&mut self, records: &[Record]) -> Result<Vec<Frame>, StoreError> {
        records.iter().map(|record| self.prepare_one(record)).collect()
    }

    /// The same for frames of another place.
    ///
    /// # Errors
    /// [`StoreError::BadQuery`] if a time, a name or a number of decimals cannot be kept.
    pub(crate) fn prepare_named(
        &mut self,
        frames: &[ImportFrame],
    ) -> Result<Vec<Frame>, StoreError> {
        let mut prepared = Vec::with_capacity(frames.len());
        for ImportFrame { host, timestamp_ms, values } in frames {
            let place = self.place(host, *timestamp_ms)?;
            let host = self.get_mut(place.host);
            let values = host.map(|host| host.prepare_named(values)).transpose()?;
            prepared.push(Frame { place, values: values.unwrap_or_default() });
        }
        Ok(prepared)
    }

    fn prepare_one(&mut self, record: &Record) -> Result<Frame, StoreError> {
        let place = self.place(&record.host, record.timestamp_ms())?;
        let values = self.get_mut(place.host).map(|host| host.prepare(record)).transpose()?;
        Ok(Frame { place, values: values.unwrap_or_default() })
    }

    /// What was left out of the frames that were prepared last, if anything was.
    pub(crate) fn take_left_out(&mut self) -> Option<StoreError> {
        let mut first = None;
        for host in &mut self.hosts {
            let left_out = host.take_left_out();
            if left_out > 0 {
                let host = host.name.to_string();
                first.get_or_insert(StoreError::TooManySeries { host, left_out });
            }
        }
        first
    }

    /// Where a frame belongs; a new host gets its number.
    fn place(&mut self, host: &Arc<str>, timestamp_ms: i64) -> Result<Place, StoreError> {
        if !TIMES.contains(&timestamp_ms) {
            let reason = format!("{timestamp_ms} ms is not between the years 1970 and 2527");
            return Err(StoreError::bad_query("timestamp", reason));
        }
        let number = match self.host(host) {
            Some(number) => number,
            None if self.hosts.len() < MOST_HOSTS => self.add_host(Arc::clone(host)),
            None => {
                let reason = format!("a store like this holds at most {MOST_HOSTS}");
                return Err(StoreError::bad_query("host", reason));
            }
        };
        Ok(Place { host: number, interval_ms: 0, timestamp_ms })
    }
}
