//! The real daemon within the test's process, on a port of its own.

use std::{net::SocketAddr, thread, time::Duration};

use perfwatch_collect::Roots;
use perfwatch_server::{Config, Daemon, Secret};
use tokio::{net::TcpListener, runtime, sync::oneshot};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct RealDaemon {
    pub(crate) address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RealDaemon {
    /// Serves what the trees hold until dropped, with history at a URL.
    pub(crate) fn start(store: &str, roots: Roots) -> Self {
        let store = store.to_owned();
        let mut config = Config::default();
        config.sampling.interval = Duration::from_millis(100);
        config.sampling.roots = roots;
        config.auth.admin_password = Some(Secret::new(PASSWORD));
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel::<SocketAddr>();
        let serve = async move {
            let opened = perfwatch_store::open(&store).await.unwrap();
            let daemon = Daemon::on(config, opened).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            daemon.serve(listener, async { drop(stopped.await) }).await.unwrap();
        };
        let thread = thread::spawn(move || {
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve);
        });
        let address = format!("http://{}", told.recv().unwrap());
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for RealDaemon {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
