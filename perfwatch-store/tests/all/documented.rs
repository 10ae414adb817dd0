//! Every query of `docs/postgresql.md` runs and finds something.

use perfwatch_core::{Frame, metric_table};
use perfwatch_store::{Record, open};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    cluster::{database, wait_for_hours},
    fixture::{HOUR, of},
};

metric_table! {
    /// As the daemon has it.
    table processor: cpu {
        /// Busy time.
        usage: Gauge Percent,
    }
}

metric_table! {
    /// As the daemon has it.
    table devices: disk.devices per device {
        /// What is written.
        bytes_written: Counter Bytes,
    }
}

/// The blocks of a document that are SQL.
fn blocks(document: &str) -> Vec<&str> {
    let blocks = document.split("```sql\n").skip(1);
    blocks.filter_map(|rest| Some(rest.split_once("```")?.0)).collect()
}

/// Two frames of a while ago, so that there are rates.
fn records(ago_ms: i64) -> Vec<Record> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap() - ago_ms;
    let frame = |number: u64| {
        let mut frame = Frame::new([&&processor::TABLE, &&devices::TABLE]);
        frame.timestamp_ms = now - 5000 * (2 - number as i64);
        let [cpu, disks] = frame.blocks.as_mut_slice() else { unreachable!() };
        cpu.host_row().set_f64(processor::usage, 12.5);
        disks.set_read_at(number * 5_000_000_000);
        disks.push_row("sda").set(devices::bytes_written, number * 5000);
        frame
    };
    let (first, second) = (frame(1), frame(2));
    let mut view = perfwatch_core::View::default();
    view.update(Some(&first), &second);
    vec![of("a", &first), Record::new("a", view.into())]
}

#[tokio::test]
async fn the_documented_queries_find_what_they_say() {
    let url = database().await;
    let store = open(&url).await.unwrap().store;
    // With the second batch, the first one's hour is over.
    store.append(&records(3 * HOUR)).await.unwrap();
    store.append(&records(0)).await.unwrap();
    wait_for_hours(&url, 2).await;
    let queries = blocks(include_str!("../../../docs/postgresql.md"));
    assert_eq!(queries.len(), 5);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let expected = ["12.5", "12.50", "1000", "12.5", "12.5"];
    for (query, expected) in queries.into_iter().zip(expected) {
        // What Grafana puts there.
        let range = "timestamp BETWEEN now() - interval '6 hours' AND now()";
        let query = query.replace("$__timeFilter(timestamp)", range);
        let query = query.replace("$__timeFilter(hour)", &range.replace("timestamp", "hour"));
        let query = query.trim().trim_end_matches(';');
        let rows = format!("SELECT row_to_json(found)::text FROM ({query}) AS found");
        let found: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        assert!(found.first().is_some_and(|row| row.contains(expected)), "{query}\n{found:?}");
    }
    connection.close().await.unwrap();
}
