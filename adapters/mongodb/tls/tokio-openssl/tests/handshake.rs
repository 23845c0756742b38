//! Both sides of a connection: who is trusted, and who is not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use openssl::ssl::{SslConnector, SslConnectorBuilder, SslFiletype, SslMethod};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_openssl::SslStream;
use tokio_rustls::TlsAcceptor;

const HOST: &str = "db.example";

/// One of the files in `tls/papers`, whose `make` says what they are.
fn paper(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../papers").join(name)
}

fn trusting(authority: &str) -> SslConnectorBuilder {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_ca_file(paper(authority)).unwrap();
    builder
}

/// A server that wants to see a certificate of the authority, or does not.
fn server(asks: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls_graviola::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&paper("ca.pem"))).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(paper("server.key")).unwrap();
    let certificates = vec![certificate(&paper("server.pem"))];
    TlsAcceptor::from(Arc::new(builder.with_single_cert(certificates, key).unwrap()))
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

/// Says something that the server says back; the name that the server was called by.
async fn speak(server: TlsAcceptor, client: SslConnector, host: &str) -> Result<String, String> {
    let (near, far) = tokio::io::duplex(4_096);
    let ssl = client.configure().unwrap().into_ssl(host).unwrap();
    let (said, heard) = tokio::join!(say(SslStream::new(ssl, near).unwrap()), echo(server, far));
    said.and(heard)
}

async fn say(mut stream: SslStream<DuplexStream>) -> Result<String, String> {
    let connected = Pin::new(&mut stream).connect().await;
    connected.map_err(|error| error.into_io_error().unwrap().to_string())?;
    let told = |error: std::io::Error| error.to_string();
    stream.write_all(b"hello").await.map_err(told)?;
    stream.flush().await.map_err(told)?;
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await.map_err(told)?;
    // The other side may have gone first.
    let _ = stream.shutdown().await;
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

async fn echo(server: TlsAcceptor, stream: DuplexStream) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = server.accept(stream).await.map_err(told)?;
    let name = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await.map_err(told)?;
    stream.write_all(&heard).await.map_err(told)?;
    stream.flush().await.map_err(told)?;
    Ok(name)
}

#[tokio::test]
async fn a_server_of_the_authority_is_trusted_and_called_by_its_name() {
    let client = trusting("ca.pem").build();
    assert_eq!(speak(server(false), client, HOST).await.as_deref(), Ok(HOST));
}

#[tokio::test]
async fn a_server_of_a_stranger_is_refused() {
    let client = trusting("stranger.pem").build();
    let refused = speak(server(false), client, HOST).await.unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
}

#[tokio::test]
async fn a_server_of_another_name_is_refused() {
    for host in ["other.example", "127.0.0.1"] {
        let client = trusting("ca.pem").build();
        let refused = speak(server(false), client, host).await.unwrap_err();
        assert!(refused.contains("not valid for name"), "{refused}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_if_it_has_one() {
    let without = trusting("ca.pem").build();
    assert!(speak(server(true), without, HOST).await.is_err());
    let mut with = trusting("ca.pem");
    with.set_certificate_file(paper("client.pem"), SslFiletype::PEM).unwrap();
    with.set_private_key_file(paper("client.pem"), SslFiletype::PEM).unwrap();
    assert_eq!(speak(server(true), with.build(), HOST).await.as_deref(), Ok(HOST));
}

#[tokio::test]
async fn a_stream_is_of_no_use_before_it_is_connected() {
    let ssl = trusting("ca.pem").build().configure().unwrap().into_ssl(HOST).unwrap();
    let (near, _far) = tokio::io::duplex(64);
    let mut stream = SslStream::new(ssl, near).unwrap();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::NotConnected);
}
