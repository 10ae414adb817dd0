//! Who this daemon is to a store that other daemons write too.

use std::{path::Path, sync::Arc};

use perfwatch_collect::HostFacts;
use perfwatch_store::{BatchMetricsWriter, HostIdentity};

use crate::{auth, config::SamplingConfig};

/// Holds the id of a host that has no machine id, in the directory of the daemon's data.
const FILE: &str = "host.id";

/// This host, as it registers: by its configured name or its own, and by its machine id. One
/// without gets an id that is kept in `directory`; without that, one until the daemon ends.
///
/// # Errors
/// One line naming the file that the id cannot be kept in, and the cure.
pub(crate) fn identity(
    config: &SamplingConfig,
    facts: &HostFacts,
    directory: Option<&Path>,
) -> Result<HostIdentity, String> {
    let id = match (&facts.machine, directory) {
        (Some(machine), _) => machine.clone(),
        (None, Some(directory)) => {
            let loss = "the host counts as another machine then";
            shown(auth::keep(&directory.join(FILE), loss)?)
        }
        (None, None) => shown(auth::random_secret()),
    };
    Ok(HostIdentity {
        name: config.host.as_deref().unwrap_or(&facts.name).into(),
        id: id.into(),
        interval_ms: u64::try_from(config.interval.as_millis()).unwrap_or(u64::MAX),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

fn shown(bits: auth::SigningSecret) -> String {
    bits.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The name that this host's frames are kept under: its own, until the store says otherwise.
#[derive(Debug)]
pub(crate) struct KeptName {
    own: Arc<str>,
    writer: Arc<BatchMetricsWriter>,
}

impl KeptName {
    pub(crate) fn new(own: Arc<str>, writer: Arc<BatchMetricsWriter>) -> Self {
        Self { own, writer }
    }

    pub(crate) fn get(&self) -> Arc<str> {
        self.writer.registered_name().unwrap_or_else(|| Arc::clone(&self.own))
    }
}

#[cfg(test)]
mod tests {
    use perfwatch_collect::{Roots, host_facts};

    use super::*;
    use crate::config::Config;

    fn facts(machine: Option<&str>) -> HostFacts {
        let facts = host_facts(&Roots::default());
        HostFacts { name: "box".to_owned(), machine: machine.map(str::to_owned), ..facts }
    }

    #[test]
    fn a_host_is_its_machine_whatever_it_is_called() {
        let mut config = Config::default().sampling;
        let known = facts(Some("00112233"));
        let host = identity(&config, &known, None).unwrap();
        assert_eq!((&*host.name, &*host.id, host.interval_ms), ("box", "00112233", 5000));
        config.host = Some("db1".to_owned());
        let renamed = identity(&config, &known, None).unwrap();
        assert_eq!((&*renamed.name, &*renamed.id), ("db1", "00112233"));
    }

    #[test]
    fn a_host_without_a_machine_id_gets_one_and_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let id = |directory| identity(&Config::default().sampling, &facts(None), directory);
        let kept = id(Some(directory.path())).unwrap().id;
        assert_eq!(id(Some(directory.path())).unwrap().id, kept);
        assert!(kept.len() == 32 && kept.bytes().all(|byte| byte.is_ascii_hexdigit()), "{kept}");
        assert_ne!(id(None).unwrap().id, kept);
        std::fs::write(directory.path().join(FILE), "short").unwrap();
        assert!(id(Some(directory.path())).unwrap_err().contains("another machine"));
    }
}
