//! Real engines, started when a test needs one and ended when none does. The server's tests use this
//! file too.

#![allow(dead_code, unreachable_pub, reason = "each program of tests uses a part")]

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

use base64::{Engine as _, engine::general_purpose::STANDARD};
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

/// The same, keeping a month and no more.
pub(crate) static FORGETFUL: Kind = Kind {
    arguments: |directory, port| {
        let mut arguments = (VICTORIA_METRICS.arguments)(directory, port);
        arguments.retain(|argument| !argument.starts_with("-retentionPeriod"));
        arguments
    },
    program: "victoria-metrics",
    ready: "/health",
    flush: None,
    running: Mutex::new(Weak::new()),
};

/// VictoriaMetrics for those who know a password.
pub(crate) static LOCKED: Kind = Kind {
    arguments: |directory, port| {
        let mut arguments = (VICTORIA_METRICS.arguments)(directory, port);
        arguments.push("-httpAuth.username=me".into());
        arguments.push("-httpAuth.password=g%h/im".into());
        arguments
    },
    program: "victoria-metrics",
    ready: "/health",
    flush: None,
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

/// Prometheus with no window for late samples, as it is without a line in its file.
pub(crate) static PROMETHEUS_IN_ORDER: Kind = Kind {
    program: "prometheus",
    arguments: |directory, port| {
        let arguments = (PROMETHEUS.arguments)(directory, port);
        std::fs::write(directory.join("prometheus.yml"), "").unwrap();
        arguments
    },
    ready: "/-/ready",
    flush: None,
    running: Mutex::new(Weak::new()),
};

/// Prometheus behind TLS, with a certificate of its own in `cert.pem`.
pub(crate) static PROMETHEUS_TLS: Kind = Kind {
    program: "prometheus",
    arguments: |directory, port| {
        #[allow(clippy::disallowed_methods)] // Certificates are made by another program.
        certificate(directory, Command::new("openssl"));
        let config = directory.join("web.yml");
        let text = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";
        std::fs::write(&config, text).unwrap();
        let mut arguments = (PROMETHEUS.arguments)(directory, port);
        arguments.push(format!("--web.config.file={}", config.display()));
        arguments
    },
    ready: "",
    flush: None,
    running: Mutex::new(Weak::new()),
};

/// Makes `cert.pem` for 127.0.0.1, and its key in `key.pem`.
pub(crate) fn certificate(directory: &Path, mut openssl: Command) {
    let text = "[req]\ndistinguished_name = dn\nx509_extensions = ext\n[dn]\n[ext]\n\
                basicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";
    std::fs::write(directory.join("openssl.cnf"), text).unwrap();
    let made = openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=perfwatch", "-config", "openssl.cnf"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(directory)
        .output()
        .expect("openssl runs; scripts/test-tools.sh installs it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A running engine; it ends with the last test that has it.
pub(crate) struct Engine {
    child: Child,
    pub(crate) port: u16,
    flush: Option<&'static str>,
    pub(crate) directory: TempDir,
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
        let mut engine = Self { child, port, flush: kind.flush, directory };
        let patience = Instant::now() + Duration::from_secs(60);
        while engine.get(kind.ready).is_none() {
            let ended = engine.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(engine.directory.path().join("log"));
            assert!(ended.is_none() && Instant::now() < patience, "{}: {:?}", kind.program, log());
            sleep(Duration::from_millis(20));
        }
        engine
    }

    /// Makes what was written visible.
    pub(crate) fn settle(&self) {
        if let Some(path) = self.flush {
            self.get(path).expect("the engine flushes");
        }
    }

    /// Whether a path answers with 200.
    fn get(&self, path: &str) -> Option<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        if path.is_empty() {
            return Some(());
        }
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().next()?.contains(" 200 ").then_some(())
    }

    /// What a path answers to somebody.
    pub(crate) fn ask(&self, path: &str, user: &str) -> String {
        let user = STANDARD.encode(user);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nAuthorization: Basic {user}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
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
