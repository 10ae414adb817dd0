//! The newest values of all hosts, by one statement for all whose newest frame has them.

use perfwatch_core::series::Pattern;

use super::{
    PostgresStore,
    head::Rows,
    names::{HostRow, number},
};
use crate::{
    HostNewest, NewestValue, Selection, StoreError, archive::Shelf, engine::newest_of_rows,
    layout::Frame, query::LAST_MS, store::newest_of,
};

/// Hosts that have something since a time, each with its newest frame.
const NEWEST: &str = "SELECT h.tableoid::int8, h.id, h.series, h.name, f.time_ms, f.body \
    FROM hosts h \
    LEFT JOIN LATERAL (SELECT time_ms, body FROM frames WHERE host_id = h.id AND time_ms >= $1 \
        ORDER BY time_ms DESC LIMIT 1) f ON true \
    WHERE f.time_ms IS NOT NULL OR h.sliced_until_ms > $1 ORDER BY h.name";

type Row = (i64, i32, i32, String, Option<i64>, Option<Vec<u8>>);

impl PostgresStore {
    pub(super) async fn ask_newest(
        &self,
        patterns: &[Pattern],
        since_ms: i64,
    ) -> Result<Vec<HostNewest>, StoreError> {
        let mut moment = self.moment().await?;
        let since_ms = since_ms.max(0);
        let hosts: Vec<Row> = moment
            .ask(async |connection| {
                let hosts: Vec<Row> =
                    sqlx::query_as(NEWEST).bind(since_ms).fetch_all(&mut *connection).await?;
                for &(table, id, series, ..) in &hosts {
                    self.names.learn(&mut *connection, HostRow { table, id, series }).await?;
                }
                Ok(hosts)
            })
            .await?;
        let mut newest = Vec::new();
        for row in hosts {
            let values = match self.of_frame(&row, patterns) {
                Some(values) => values,
                None => {
                    let selection = Selection {
                        host: row.3.clone(),
                        patterns: patterns.to_vec(),
                        start_ms: since_ms,
                        end_ms: LAST_MS,
                    };
                    newest_of(self.summary_at(&mut moment, &selection).await?)
                }
            };
            if !values.is_empty() {
                newest.push(HostNewest { host: row.3, values });
            }
        }
        Ok(newest)
    }

    /// What a host's newest frame has; nothing if older ones may have more.
    fn of_frame(&self, row: &Row, patterns: &[Pattern]) -> Option<Vec<NewestValue>> {
        let (_, id, _, _, Some(time), Some(body)) = row else { return None };
        let place = Shelf { host: number(*id), interval_ms: 0 }.place(*time);
        let selected = self.names.known().index.get(place.host)?.select(patterns);
        let mut rows = Rows::new(&selected);
        rows.add(place, Some(Frame::unseal(place, body)?));
        newest_of_rows(&rows.head, selected).into_iter().collect()
    }
}
