//! Whom the upstream's certificate is checked against: the system's roots, and the authorities in a file that the option
//! `upstreamCa` names.

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The authorities beside the system's.
pub(super) struct Trust {
    more: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub(super) fn of(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Trust { more: Vec::new() }) };
        let wrong = |why: String| format!("options: upstreamCa is {}: {why}; expected a PEM file", file.display());
        let more: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?.collect();
        let more = more.map_err(|error| wrong(error.to_string()))?;
        if more.is_empty() {
            return Err(wrong("it holds no certificate".into()));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &more {
            roots.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(Trust { more })
    }

    /// # Errors
    /// Nobody is trusted.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        // A root that is not understood opens nothing; the others do.
        roots.add_parsable_certificates(system.certs);
        roots.add_parsable_certificates(self.more.iter().cloned());
        config(roots)
    }
}

/// # Errors
/// The library has no TLS at all.
pub(super) fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
