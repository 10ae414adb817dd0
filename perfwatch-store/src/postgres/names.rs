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

impl Known {
    /// The number of a series.
    pub(super) fn number(&self, host: u32, path: &str, decimals: u8) -> Option<u32> {
        let numbers = self.numbers.get(&host)?.get(path)?;
        numbers.iter().find(|(known, _)| *known == decimals).map(|(_, number)| *number)
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
        *self.known() = Known::default();
    }

    /// The same if a host has fewer series than are known of it, for a replica that was behind took
    /// over. `row` is the newest there is: it is held.
    pub(super) fn forget_if_fewer(&self, row: HostRow) {
        let known = self.series_count(number(row.id));
        if known > number(row.series) as usize {
            self.forget();
        }
    }

    /// How many series of a host are known.
    pub(super) fn series_count(&self, host: u32) -> usize {
        self.known().index.get(host).map_or(0, |host| host.series_count())
    }

    /// Learns of a host.
    pub(super) async fn learn(
        &self,
        connection: &mut PgConnection,
        row: HostRow,
    ) -> Result<(), sqlx::Error> {
        let host = number(row.id);
        if self.known().table != row.table {
            *self.known() = Known { table: row.table, ..Known::default() };
        }
        if self.known().index.get(host).is_none() {
            self.learn_hosts(connection).await?;
        }
        if self.series_count(host) < number(row.series) as usize {
            self.learn_series(connection, host).await?;
        }
        Ok(())
    }

    /// Learns of all hosts and all series.
    pub(super) async fn learn_all(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let hosts: Vec<(i64, i32, i32)> =
            sqlx::query_as("SELECT tableoid::int8, id, series FROM hosts")
                .fetch_all(&mut *connection)
                .await?;
        for (table, id, series) in hosts {
            self.learn(connection, HostRow { table, id, series }).await?;
        }
        Ok(())
    }

    /// Learns of hosts that are new.
    pub(super) async fn learn_hosts(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let known = self.known().index.hosts().len();
        let hosts: Vec<(i32, String)> =
            sqlx::query_as("SELECT id, name FROM hosts WHERE id >= $1 ORDER BY id")
                .bind(i32::try_from(known).unwrap_or(i32::MAX))
                .fetch_all(connection)
                .await?;
        let index = &mut self.known().index;
        for (id, name) in hosts {
            while index.hosts().len() < number(id) as usize {
                index.add_unknown_host();
            }
            if index.hosts().len() == number(id) as usize {
                index.add_host(name.into());
            }
        }
        Ok(())
    }

    /// Learns of series that are new.
    pub(super) async fn learn_series(
        &self,
        connection: &mut PgConnection,
        host: u32,
    ) -> Result<(), sqlx::Error> {
        let known = self.series_count(host);
        let select = "SELECT number, path, decimals FROM series \
                      WHERE host_id = $1 AND number >= $2 ORDER BY number";
        let rows: Vec<(i32, String, i32)> = sqlx::query_as(select)
            .bind(i32::try_from(host).unwrap_or(i32::MAX))
            .bind(i32::try_from(known).unwrap_or(i32::MAX))
            .fetch_all(connection)
            .await?;
        let mut names = self.known();
        for (series, path, decimals) in rows {
            names.add(host, &path, u8::try_from(decimals).unwrap_or_default(), number(series));
        }
        Ok(())
    }
}

/// A number as tables hold it; none is below 0.
pub(super) fn number(value: i32) -> u32 {
    value.unsigned_abs()
}
