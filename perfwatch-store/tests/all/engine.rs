//! Real engines, started when a test needs one and ended when none does.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use perfwatch_store::{
    HostIdentity, HostInfo, MemoryAccounts, Opened, PrometheusStore, RangeAnswer, RangeQuery,
    Record, RetentionPolicy, RetentionReport, Selection, SeriesSummary, Store, StoreError, Usage,
};
use tempfile::TempDir;

/// A program that is an engine.
pub(crate) struct Kind {
    program: &'static str,
    arguments: fn(&Path, u16) -> Vec<String>,
    /// Answers when it can be used.
    ready: &'static str,
    /// Makes what was written visible at once, where it is not anyway.
    flush: Option<&'static str>,
    running: Mutex<Weak<Engine>>,
}

pub(crate) static VICTORIA_METRICS: Kind = Kind {
    program: "victoria-metrics",
    arguments: |directory, port| {
        let data = directory.join("data");
        vec![
            format!("-storageDataPath={}", data.display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-retentionPeriod=100y".into(),
            "-dedup.minScrapeInterval=1ms".into(),
            "-memory.allowedBytes=256MB".into(),
            "-loggerLevel=ERROR".into(),
        ]
    },
    ready: "/health",
    flush: Some("/internal/force_flush"),
    running: Mutex::new(Weak::new()),
};

pub(crate) static PROMETHEUS: Kind = Kind {
    program: "prometheus",
    arguments: |directory, port| {
        let config = directory.join("prometheus.yml");
        let text = "storage:\n  tsdb:\n    out_of_order_time_window: 10y\n";
        std::fs::write(&config, text).unwrap();
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", directory.join("data").display()),
            "--storage.tsdb.retention.time=100y".into(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-remote-write-receiver".into(),
            "--log.level=error".into(),
        ]
    },
    ready: "/-/ready",
    flush: None,
    running: Mutex::new(Weak::new()),
};

/// A running engine; it ends with the last test that has it.
pub(crate) struct Engine {
    child: Child,
    port: u16,
    flush: Option<&'static str>,
    _directory: TempDir,
}

impl Engine {
    /// The engine of this kind that runs, or a new one.
    pub(crate) fn running(kind: &'static Kind) -> Arc<Self> {
        let mut running = kind.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = running.upgrade() {
            return engine;
        }
        let engine = Arc::new(Self::start(kind));
        *running = Arc::downgrade(&engine);
        engine
    }

    fn start(kind: &Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        #[allow(clippy::disallowed_methods)] // An engine is another program.
        let child = Command::new(kind.program)
            .args((kind.arguments)(directory.path(), port))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; scripts/test-tools.sh installs it", kind.program)
            });
        let mut engine = Self { child, port, flush: kind.flush, _directory: directory };
        let patience = Instant::now() + Duration::from_secs(60);
        while engine.get(kind.ready).is_none() {
            let ended = engine.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(engine._directory.path().join("log"));
            assert!(ended.is_none() && Instant::now() < patience, "{}: {:?}", kind.program, log());
            sleep(Duration::from_millis(20));
        }
        engine
    }

    /// Whether a path answers with 200.
    fn get(&self, path: &str) -> Option<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().next()?.contains(" 200 ").then_some(())
    }

    /// The URL of a store of its own.
    pub(crate) fn url(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("prometheus+http://127.0.0.1:{}?label.test=t{number}", self.port)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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

impl Settled {
    fn settle(&self) {
        if let Some(path) = self.engine.flush {
            self.engine.get(path).expect("the engine flushes");
        }
    }
}

#[async_trait]
impl Store for Settled {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn register(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        let name = self.store.register(host).await;
        self.settle();
        name
    }

    async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
        let done = self.store.append(records).await;
        self.settle();
        done
    }

    async fn range(&self, query: &RangeQuery) -> Result<RangeAnswer, StoreError> {
        self.store.range(query).await
    }

    async fn summary(&self, selection: &Selection) -> Result<Vec<SeriesSummary>, StoreError> {
        self.store.summary(selection).await
    }

    async fn series(&self, host: &str) -> Result<Vec<String>, StoreError> {
        self.store.series(host).await
    }

    async fn hosts(&self) -> Result<Vec<HostInfo>, StoreError> {
        self.store.hosts().await
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        self.store.usage().await
    }

    async fn apply_retention(
        &self,
        policy: &RetentionPolicy,
        now_ms: i64,
    ) -> Result<RetentionReport, StoreError> {
        self.store.apply_retention(policy, now_ms).await
    }

    fn keeps_policy(&self) -> bool {
        self.store.keeps_policy()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
