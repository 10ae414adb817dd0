//! What a VictoriaMetrics says of itself: its own `/metrics`.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// A server by its host and port.
pub(super) struct Receiver(pub(super) String);

/// Sums since its start, and what it holds now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    /// CPU time in seconds.
    pub cpu_s: f64,
    /// Resident memory in bytes.
    pub resident: f64,
    /// Bytes that came over the wire, with HTTP's heads.
    pub wire: f64,
    /// Connections that were made to it.
    pub connections: f64,
    /// Series that it had not seen before.
    pub series: f64,
    /// Bytes on disk.
    pub disk: f64,
}

impl Receiver {
    /// What it says now.
    pub(super) fn read(&self) -> Result<Received> {
        let text = self.get("/metrics")?;
        Ok(Received {
            cpu_s: sum(&text, "process_cpu_seconds_total")?,
            resident: sum(&text, "process_resident_memory_bytes")?,
            wire: sum(&text, "vm_tcplistener_read_bytes_total")?,
            connections: sum(&text, "vm_tcplistener_accepts_total")?,
            series: sum(&text, "vm_new_timeseries_created_total")?,
            disk: sum(&text, "vm_data_size_bytes")?,
        })
    }

    /// Brings what it has in memory to its disk.
    pub(super) fn flush(&self) -> Result<()> {
        self.get("/internal/force_flush").map(drop)
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.0).context("the receiver does not answer")?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 "));
        Ok(answer)
    }
}

/// The sum of a metric over its labels.
fn sum(text: &str, name: &str) -> Result<f64> {
    let is_it = |rest: &&str| rest.starts_with(['{', ' ']);
    let lines = text.lines().filter_map(|line| line.strip_prefix(name).filter(is_it));
    let values = lines.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
    values.reduce(|a, b| a + b).with_context(|| format!("the receiver has no {name}"))
}

impl Received {
    /// What grew since an earlier look; memory and disk as they are.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            cpu_s: self.cpu_s - before.cpu_s,
            wire: self.wire - before.wire,
            connections: self.connections - before.connections,
            series: self.series - before.series,
            ..*self
        }
    }
}
