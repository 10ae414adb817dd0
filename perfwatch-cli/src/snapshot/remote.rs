//! Another host, through its daemon.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    args::{SnapshotArgs, SnapshotFormat},
    catalog::Catalog,
    daemon::{Credentials, Daemon, escaped},
    failure::Failure,
    message::{METRICS, Message},
    render::{self, Note, Page},
    screen::Screen,
    text,
};

pub(super) struct RemoteHost {
    daemon: Daemon,
    /// The host if it is not the daemon's own.
    host: Option<String>,
}

/// What is read of `/api/config`.
#[derive(Deserialize)]
struct Config {
    collectors: Vec<Collector>,
}

#[derive(Deserialize)]
struct Collector {
    name: String,
    status: String,
    reason: Option<String>,
    cure: Option<String>,
}

impl RemoteHost {
    pub(super) fn open(url: &str, args: &SnapshotArgs) -> Result<Self> {
        // A daemon may be open to scrapers without a login.
        let anonymous = args.format == SnapshotFormat::Prometheus;
        if anonymous && args.host.is_some() {
            let reason = "--host: the exposition has only the daemon's own host; \
                          choose --format table or json";
            return Err(Failure::Usage(reason.to_owned()).into());
        }
        let daemon = match Daemon::find(url, &args.access)? {
            Some(daemon) => daemon,
            None if anonymous => Daemon::anonymous(url, &args.access)?,
            None => return Err(Credentials::absent()),
        };
        Ok(Self { daemon, host: args.host.clone() })
    }

    /// Asks for the latest metrics and shows them.
    pub(super) fn show(&self, format: SnapshotFormat, screen: &mut Screen) -> Result<()> {
        match format {
            SnapshotFormat::Prometheus => {
                let exposition = self.daemon.get("/metrics")?;
                if !exposition.contains("# TYPE perfwatch_") {
                    return Err(self.daemon.stranger());
                }
                screen.write_foreign(&exposition)
            }
            SnapshotFormat::Json => {
                let body = self.latest()?;
                self.message(&body)?;
                screen.write(&text::json_line(&body))
            }
            SnapshotFormat::Table => {
                let message = self.message(&self.latest()?)?;
                let catalog: Catalog = self.daemon.get_json("/api/metrics/catalog")?;
                let page = Page { width: screen.width(), ink: screen.ink() };
                screen.write(&render::page(&catalog, &message, &self.notes()?, page))
            }
        }
    }

    fn latest(&self) -> Result<String> {
        let host = self.host.as_deref();
        let query = host.map(|host| format!("?host={}", escaped(host))).unwrap_or_default();
        self.daemon.get(&format!("/api/metrics/latest{query}"))
    }

    fn message(&self, body: &str) -> Result<Message<Value>> {
        let message = serde_json::from_str(body).ok();
        let message = message.filter(|message: &Message<Value>| message.kind == METRICS);
        message.ok_or_else(|| self.daemon.stranger())
    }

    /// Why something is missing; of another host nobody here knows.
    fn notes(&self) -> Result<Vec<Note>> {
        if self.host.is_some() {
            return Ok(Vec::new());
        }
        let config: Config = self.daemon.get_json("/api/config")?;
        let troubled = config.collectors.into_iter();
        let troubled = troubled.filter(|it| !["ok", "partial"].contains(&it.status.as_str()));
        let note = |it: Collector| {
            Note::new(&it.name, &it.status, it.reason.as_deref(), it.cure.as_deref())
        };
        Ok(troubled.map(note).collect())
    }
}
