//! Whom an engine's certificate must come from.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{StoreError, open::bad_url};

/// Trusts the certificates of this file, or the public authorities.
pub(super) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, StoreError> {
    let roots = match ca_file {
        Some(path) => roots_of(path)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad_url(format!("TLS cannot be used: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn roots_of(path: &Path) -> Result<RootCertStore, StoreError> {
    let unreadable = |reason| StoreError::Unreadable { path: path.to_path_buf(), reason };
    let text = std::fs::read(path).map_err(unreadable)?;
    let illegal = || unreadable(io::Error::new(io::ErrorKind::InvalidData, "not PEM certificates"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| illegal())?;
        roots.add(certificate).map_err(|_| illegal())?;
    }
    if roots.is_empty() { Err(illegal()) } else { Ok(roots) }
}
