//! Which number stands for which host and series: a copy of two tables that only ever grow, so that
//! what is known stays true whoever else writes. Where somebody restores a backup, or a replica that
//! was behind takes over, it is read anew.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sqlx::PgConnection;

use crate::layout::Index;

/// What is known of the names.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) index: Index,
    /// Which table of hosts this was read from: a backup that is restored makes another.
    table: i64,
    /// How often all was forgotten: what was asked for before says nothing of what is there now.
    generation: u64,
    /// By host and path: the numbers of a series, each with its decimals.
    numbers: HashMap<u32, HashMap<String, Vec<(u8, u32)>>>,
}

/// What the row of a host says.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostRow {
    /// The table that it is in, as PostgreSQL numbers tables.
    pub(super) table: i64,
    /// The host's number.
    pub(super) id: i32,
    /// How many series it has.
    pub(super) series: i32,
}

/// What somebody went to ask for, and when.
#[derive(Clone, Copy, Debug)]
struct Asked {
    generation: u64,
    from: usize,
}

impl Asked {
    fn from(self) -> i32 {
        i32::try_from(self.from).unwrap_or(i32::MAX)
    }
}

impl Known {
    /// The number of a series.
    pub(super) fn number(&self, host: u32, path: &str, decimals: u8) -> Option<u32> {
        let numbers = self.numbers.get(&host)?.get(path)?;
        numbers.iter().find(|(known, _)| *known == decimals).map(|(_, number)| *number)
    }

    /// Begins anew.
    fn forget(&mut self, table: i64) {
        *self = Self { table, generation: self.generation + 1, ..Self::default() };
    }

    /// What is asked for next: hosts from this number on.
    fn next_host(&self) -> Asked {
        Asked { generation: self.generation, from: self.index.hosts().len() }
    }

    /// Likewise, series of a host.
    fn next_series(&self, host: u32) -> Asked {
        Asked { generation: self.generation, from: self.series_count(host) }
    }

    /// Whether all series of a host are known.
    pub(super) fn knows(&self, row: &HostRow) -> bool {
        self.table == row.table && self.series_count(number(row.id)) >= number(row.series) as usize
    }

    /// How many series of a host are known.
    pub(super) fn series_count(&self, host: u32) -> usize {
        self.index.get(host).map_or(0, |host| host.series_count())
    }

    /// Adds hosts that were asked for; says whether they were still wanted.
    fn add_hosts(&mut self, asked: Asked, hosts: Vec<(i32, String)>) -> bool {
        let is_wanted = asked.generation == self.generation;
        for (id, name) in hosts.into_iter().filter(|_| is_wanted) {
            while self.index.hosts().len() < number(id) as usize {
                self.index.add_unknown_host();
            }
            if self.index.hosts().len() == number(id) as usize {
                self.index.add_host(name.into());
            }
        }
        is_wanted
    }

    /// Adds series of a host that were asked for; says whether they were still wanted.
    fn add_series(&mut self, asked: Asked, host: u32, rows: Vec<(i32, String, i32)>) -> bool {
        let is_wanted = asked.generation == self.generation;
        for (series, path, decimals) in rows.into_iter().filter(|_| is_wanted) {
            self.add(host, &path, u8::try_from(decimals).unwrap_or_default(), number(series));
        }
        is_wanted
    }

    fn add(&mut self, host: u32, path: &str, decimals: u8, number: u32) {
        let Some(names) = self.index.get_mut(host) else { return };
        if names.series_count() != number as usize {
            return;
        }
        if names.add_saved(path, decimals).is_none() {
            names.add_unknown();
            return;
        }
        let paths = self.numbers.entry(host).or_default();
        paths.entry(path.to_owned()).or_default().push((decimals, number));
    }
}

impl Names {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all.
    pub(super) fn forget(&self) {
        self.known().forget(0);
    }

    /// The same if a host has fewer series than are known of it, for a replica that was behind took
    /// over. `row` is the newest there is: it is held.
    pub(super) fn forget_if_fewer(&self, row: HostRow) {
        let known = self.known().series_count(number(row.id));
        if known > number(row.series) as usize {
            self.forget();
        }
    }

    /// Learns of a host.
    pub(super) async fn learn(
        &self,
        connection: &mut PgConnection,
        row: HostRow,
    ) -> Result<(), sqlx::Error> {
        let host = number(row.id);
        if self.known().table != row.table {
            self.known().forget(row.table);
        }
        if self.known().index.get(host).is_none() {
            self.learn_hosts(connection).await?;
        }
        if self.known().series_count(host) < number(row.series) as usize {
            self.learn_series(connection, host).await?;
        }
        Ok(())
    }

    /// Learns of all series of all hosts, or of some; what their rows say.
    pub(super) async fn learn_all(
        &self,
        connection: &mut PgConnection,
        only: Option<&[i32]>,
    ) -> Result<Vec<HostRow>, sqlx::Error> {
        let select = "SELECT tableoid::int8, id, series FROM hosts \
                      WHERE $1::int[] IS NULL OR id = ANY ($1)";
        let hosts: Vec<(i64, i32, i32)> =
            sqlx::query_as(select).bind(only).fetch_all(&mut *connection).await?;
        let row = |(table, id, series)| HostRow { table, id, series };
        let rows: Vec<HostRow> = hosts.into_iter().map(row).collect();
        for row in &rows {
            self.learn(connection, *row).await?;
        }
        Ok(rows)
    }

    /// Learns of hosts that are new.
    pub(super) async fn learn_hosts(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let select = "SELECT id, name FROM hosts WHERE id >= $1 ORDER BY id";
        loop {
            let asked = self.known().next_host();
            let query = sqlx::query_as(select).bind(asked.from());
            let hosts = query.fetch_all(&mut *connection).await?;
            if self.known().add_hosts(asked, hosts) {
                return Ok(());
            }
        }
    }

    /// Learns of series that are new.
    pub(super) async fn learn_series(
        &self,
        connection: &mut PgConnection,
        host: u32,
    ) -> Result<(), sqlx::Error> {
        let select = "SELECT number, path, decimals FROM series \
                      WHERE host_id = $1 AND number >= $2 ORDER BY number";
        loop {
            let asked = self.known().next_series(host);
            let query = sqlx::query_as(select).bind(i32::try_from(host).unwrap_or(i32::MAX));
            let rows = query.bind(asked.from()).fetch_all(&mut *connection).await?;
            if self.known().add_series(asked, host, rows) {
                return Ok(());
            }
        }
    }
}

/// A number as tables hold it; none is below 0.
pub(super) fn number(value: i32) -> u32 {
    value.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_before_all_was_forgotten_is_not_added() {
        let mut known = Known::default();
        let hosts = |ids: std::ops::Range<i32>| ids.map(|id| (id, format!("host {id}"))).collect();
        assert!(known.add_hosts(known.next_host(), hosts(0..3)));
        let (next, series) = (known.next_host(), known.next_series(0));
        known.forget(0);
        assert!(!known.add_hosts(next, hosts(3..4)));
        assert_eq!(known.index.hosts().len(), 0);
        // What is asked for again is all.
        assert!(known.add_hosts(known.next_host(), hosts(0..4)));
        assert_eq!(known.index.host("host 0"), Some(0));
        assert!(!known.add_series(series, 0, vec![(0, "cpu.load".to_owned(), 1)]));
        assert!(known.add_series(known.next_series(0), 0, vec![(0, "cpu.load".to_owned(), 1)]));
        assert_eq!(known.number(0, "cpu.load", 1), Some(0));
        let knows = |series, table| known.knows(&HostRow { table, id: 0, series });
        assert!(knows(1, 0) && !knows(2, 0) && !knows(1, 7));
    }
}
