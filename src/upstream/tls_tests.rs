//! Whom the upstream is believed to be.

use super::tests::ask_once;
use crate::upstream::UpstreamFailure;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// An authority of our own, and its file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(params.self_signed(&key).expect("a certificate").pem().as_bytes()).expect("writes");
        Authority { issuer: Issuer::new(params, key), file }
    }

    /// A server with a certificate for this name, which says one thing. Gives its address by the number.
    fn server(&self, name: &str) -> String {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_string()]).expect("params");
        let certificate: CertificateDer<'static> =
            params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a configuration");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = format!("https://{}/v1", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(connection) = ServerConnection::new(config.clone()) else { return };
                let mut stream = StreamOwned::new(connection, stream);
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n{}") && matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        address
    }

    fn file(&self) -> String {
        self.file.path().display().to_string()
    }
}

fn ask(options: Value) -> Result<(u16, Vec<u8>), UpstreamFailure> {
    ask_once(options)
}

#[test]
fn a_certificate_of_an_authority_in_the_file_is_believed_and_no_other() {
    let (own, other) = (Authority::new("own"), Authority::new("other"));
    let address = own.server("127.0.0.1");
    assert_eq!(ask(json!({"upstream": address, "upstreamCa": own.file()})), Ok((200, b"ok".to_vec())));
    for options in [json!({"upstream": address}), json!({"upstream": address, "upstreamCa": other.file()})] {
        let failure = ask(options).expect_err("nobody knows it");
        let error = failure.to_api_error();
        assert_eq!((error.status, error.code.as_deref()), (502, Some("upstream_failed")));
        assert!(failure.message.contains("UnknownIssuer") && failure.message.contains(&address[..17]), "{failure}");
    }
    let elsewhere = own.server("api.example.com");
    let failure = ask(json!({"upstream": elsewhere, "upstreamCa": own.file()})).expect_err("another's certificate");
    assert!(failure.message.contains("not valid for name"), "{failure}");
}
