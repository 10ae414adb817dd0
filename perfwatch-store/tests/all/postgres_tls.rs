//! PostgreSQL on a network: whom a daemon trusts with its frames and its password.

use std::net::TcpListener;

use perfwatch_store::{StoreError, open};
use sqlx::{Connection, PgConnection};

use crate::{
    cluster::Cluster,
    fixture::{START, ask, check, loads},
    postgres_process::{new_cluster, unprivileged},
    process::certificate,
};

/// What lets a server speak TLS, with a certificate for 127.0.0.1 that it signed itself.
const TLS: [&str; 6] =
    ["-c", "ssl=on", "-c", "ssl_cert_file=cert.pem", "-c", "ssl_key_file=key.pem"];

/// A server on a port of its own.
struct Remote {
    cluster: Cluster,
    port: u16,
}

impl Remote {
    fn start(settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = new_cluster();
        certificate(&folder.join("data"), unprivileged(&folder, "openssl".as_ref()));
        let settings = [&["-c", "listen_addresses=127.0.0.1"], settings].concat();
        Self { cluster: Cluster::start(folder, port, &settings), port }
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://watch@{host}:{}/postgres?{parameters}", self.port)
    }

    /// The parameter that trusts its certificate.
    fn trust(&self) -> String {
        format!("sslrootcert={}", self.cluster.folder.join("data/cert.pem").display())
    }

    /// Whether every connection of a daemon is encrypted, by plain SQL.
    async fn is_encrypted(&self) -> Option<bool> {
        let folder = self.cluster.folder.display();
        let url = format!("postgres:///postgres?host={folder}&port={}&user=watch", self.port);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let select = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE application_name = 'perfwatch'";
        sqlx::query_scalar(select).fetch_one(&mut connection).await.unwrap()
    }
}

/// Why a daemon does not trust what is at this URL.
async fn distrust(url: &str) -> String {
    match open(url).await.map(drop) {
        Err(StoreError::Denied { reason }) => reason,
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_is_verified() {
    let server = Remote::start(&TLS);
    let reason = distrust(&server.url("127.0.0.1", "")).await;
    assert!(reason.contains("cannot trust") && reason.contains("sslrootcert=FILE"), "{reason}");
    // The name is verified too.
    distrust(&server.url("localhost", &server.trust())).await;
    // What has no certificate, and what is none.
    let key = server.cluster.folder.join("data/key.pem");
    distrust(&server.url("127.0.0.1", &format!("sslrootcert={}", key.display()))).await;

    let opened = open(&server.url("127.0.0.1", &server.trust())).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    let expected = ["step 0 of 0 raw", "at 0", "app.load avg 1"];
    check(&*opened.store, &ask(START, START + 1), &expected).await;
    assert_eq!(opened.accounts.user_count().await.unwrap(), 0);
    assert_eq!(server.is_encrypted().await, Some(true));
}

#[tokio::test]
async fn a_server_without_tls_is_taken_only_by_order() {
    let server = Remote::start(&[]);
    let reason = distrust(&server.url("127.0.0.1", "")).await;
    assert!(reason.contains("sslmode=disable"), "{reason}");
    // A password is no order.
    let url = server.url("127.0.0.1", "").replace("watch@", "watch:sslmode=disable@");
    distrust(&url).await;
    let opened = open(&server.url("127.0.0.1", "sslmode=disable")).await.unwrap();
    opened.store.append(&loads([START])).await.unwrap();
    assert_eq!(server.is_encrypted().await, Some(false));
}
