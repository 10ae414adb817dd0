//! Asking: frames that are in no slice yet, and slices, as they are at one moment.

use super::{
    PostgresStore,
    files::{Ending, Reading, moment},
    head,
    names::{HostRow, number},
};
use crate::{
    RangeAnswer, RangeQuery, Selection, SeriesSummary, StoreError,
    answer::{self, Asked, Found},
    head::HeadRows,
};

impl PostgresStore {
    pub(super) async fn ask_range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        query.validate()?;
        let mut moment = self.moment().await?;
        let (asked, head) = self.asked(&mut moment, &query.selection).await?;
        answer::range(&mut moment, asked, head, query).await.map(|found| self.noted(found))
    }

    pub(super) async fn ask_summary(
        &self,
        selection: &Selection,
    ) -> Result<Vec<SeriesSummary>, StoreError> {
        selection.validate()?;
        let mut moment = self.moment().await?;
        self.summary_at(&mut moment, selection).await
    }

    pub(super) async fn summary_at(
        &self,
        moment: &mut Reading<'_, Ending>,
        selection: &Selection,
    ) -> Result<Vec<SeriesSummary>, StoreError> {
        let (asked, head) = self.asked(moment, selection).await?;
        answer::summary(moment, asked, head).await.map(|found| self.noted(found))
    }

    pub(super) async fn ask_series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        let mut moment = self.moment().await?;
        let Some(id) = self.learn(&mut moment, host).await? else { return Ok(Vec::new()) };
        Ok(self.names.known().index.get(id).map(|host| host.paths()).unwrap_or_default())
    }

    pub(super) async fn moment(&self) -> Result<Reading<'_, Ending>, StoreError> {
        self.link.open()?;
        moment(&self.link).await
    }

    /// What is asked for, and what the head has of it.
    async fn asked(
        &self,
        moment: &mut Reading<'_, Ending>,
        selection: &Selection,
    ) -> Result<(Asked, HeadRows), StoreError> {
        let id = self.learn(moment, &selection.host).await?;
        let asked = Asked::new(selection, &self.names.known().index);
        let Some(id) = id.filter(|_| asked.is_about_something()) else {
            return Ok((asked, HeadRows::default()));
        };
        let head = moment
            .ask(async |connection| {
                head::rows(connection, id, asked.range(), asked.selected()).await
            })
            .await?;
        Ok((asked, head))
    }

    /// Learns what is new of a host; its number.
    async fn learn(
        &self,
        moment: &mut Reading<'_, Ending>,
        host: &str,
    ) -> Result<Option<u32>, StoreError> {
        let select = "SELECT tableoid::int8, id, series, \
            ARRAY(SELECT interval_ms FROM shelves WHERE host_id = id) FROM hosts WHERE name = $1";
        // No name in the database holds a NUL, and none can be asked for there.
        let host = host.replace('\0', "");
        moment
            .ask(async |connection| {
                let query = sqlx::query_as(select).bind(host);
                let row: Option<(i64, i32, i32, Vec<i32>)> =
                    query.fetch_optional(&mut *connection).await?;
                let Some((table, id, series, intervals)) = row else { return Ok(None) };
                self.names.learn(connection, HostRow { table, id, series }).await?;
                let id = number(id);
                if let Some(host) = self.names.known().index.get_mut(id) {
                    intervals.iter().for_each(|&interval| host.note_slice(interval.into(), 0));
                }
                Ok(Some(id))
            })
            .await
    }

    /// An answer, once it is noted what is damaged.
    fn noted<T>(&self, (answer, damaged): Found<T>) -> T {
        self.damage.note(&damaged, &self.names.known().index);
        answer
    }
}
