//! Who may vouch for a daemon.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::failure::Failure;

/// The authorities whose certificates are believed: the public ones, or those of a file.
#[derive(Debug, Default)]
pub(crate) struct Trust(Option<(PathBuf, RootCerts)>);

impl Trust {
    /// Those of the file, else of the file that the environment names, else the public ones.
    pub(super) fn find(
        ca_file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let named = ca_file.map(Path::to_owned);
        let Some(path) = named.or_else(|| env("PERFWATCH_CA_FILE").map(PathBuf::from)) else {
            return Ok(Self::default());
        };
        let text = fs::read(&path)
            .with_context(|| format!("cannot read the certificates in {}", path.display()))?;
        let Some(roots) = certificates(&text) else {
            let reason = format!("{} holds no certificates in PEM", path.display());
            return Err(Failure::Usage(reason).into());
        };
        Ok(Self(Some((path, roots))))
    }

    pub(super) fn tls(&self) -> TlsConfig {
        let own = self.0.as_ref().map(|(_, roots)| roots.clone());
        TlsConfig::builder().root_certs(own.unwrap_or(RootCerts::WebPki)).build()
    }

    /// What to do about a certificate of another authority.
    pub(super) fn cure(&self) -> String {
        match &self.0 {
            Some((path, _)) => format!("its authority is not in {}", path.display()),
            None => "give the file of its authority with --ca-file or PERFWATCH_CA_FILE".to_owned(),
        }
    }
}

/// Whether an error says that nobody trusted vouches for a certificate.
pub(super) fn is_lacking(error: &ureq::Error) -> bool {
    let said = error.to_string();
    // The second where another authority has the same name.
    ["UnknownIssuer", "BadSignature"].iter().any(|reason| said.contains(reason))
}

/// All certificates of a text; nothing if it has none, or a broken one.
fn certificates(text: &[u8]) -> Option<RootCerts> {
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(text) {
        if let PemItem::Certificate(certificate) = item.ok()? {
            found.push(certificate);
        }
    }
    (!found.is_empty()).then(|| RootCerts::new_with_certs(&found))
}
