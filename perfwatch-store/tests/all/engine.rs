//! Stores on real engines.

use std::sync::Arc;

use async_trait::async_trait;
use perfwatch_store::{Layer, MemoryAccounts, Opened, PrometheusStore, Store};

use crate::{
    fixture::{clock_ms, record},
    process::{Engine, PROMETHEUS, VICTORIA_METRICS},
};

/// A store of its own on an engine.
pub(crate) fn open(engine: &Arc<Engine>) -> Opened {
    let store = PrometheusStore::new(&engine.url()).unwrap();
    let settled = Settled { store, engine: Arc::clone(engine) };
    Opened { store: Arc::new(settled), accounts: Arc::new(MemoryAccounts::default()) }
}

/// A store whose samples are seen as soon as they are written: VictoriaMetrics takes up to a second
/// otherwise.
struct Settled {
    store: PrometheusStore,
    engine: Arc<Engine>,
}

#[async_trait]
impl Layer for Settled {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    async fn written(&self) {
        self.engine.settle();
    }
}

#[tokio::test]
async fn a_host_of_another_daemon_is_seen_at_once() {
    for kind in [&VICTORIA_METRICS, &PROMETHEUS] {
        let engine = Engine::running(kind);
        let url = engine.url();
        let [one, other] = [(); 2].map(|()| PrometheusStore::new(&url).unwrap());
        let now = clock_ms();
        for (writer, host) in [(&one, "a"), (&other, "b")] {
            writer.append(&[record(host, now - 1000, Some(1.0), &[])]).await.unwrap();
            writer.append(&[record(host, now, Some(1.0), &[])]).await.unwrap();
            engine.settle();
            let hosts = one.hosts().await.unwrap();
            let newest = hosts.last().unwrap();
            assert_eq!((newest.name.as_str(), newest.last_seen_ms), (host, now));
            assert_eq!(newest.first_seen_ms, now - 1000);
        }
    }
}
