//! Who may use a cluster, and how one knows that it is the cluster: TLS and bearer tokens, at a server that asks for both.

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use oyster_thunks::engine::{EngineError, Remote, RemoteConfig};
use tokio::net::TcpListener;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use api::capabilities_server::{Capabilities, CapabilitiesServer};

/// Says what it can do to whoever knows the word.
struct Door;

#[tonic::async_trait]
impl Capabilities for Door {
    async fn get_capabilities(
        &self,
        request: Request<api::GetCapabilitiesRequest>,
    ) -> Result<Response<api::ServerCapabilities>, Status> {
        if request.metadata().get("authorization").is_none_or(|word| word != "Bearer sesame") {
            return Err(Status::unauthenticated("the word is another"));
        }
        Ok(Response::new(api::ServerCapabilities {
            cache_capabilities: Some(api::CacheCapabilities {
                digest_functions: vec![api::digest_function::Value::Sha256 as i32],
                ..api::CacheCapabilities::default()
            }),
            execution_capabilities: Some(api::ExecutionCapabilities {
                exec_enabled: request.get_ref().instance_name == "main",
                ..api::ExecutionCapabilities::default()
            }),
            ..api::ServerCapabilities::default()
        }))
    }
}

#[test]
fn a_cluster_proves_who_it_is_and_lets_in_who_knows_the_word() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = ServerTlsConfig::new().identity(Identity::from_pem(&certificate, key));
    let server = Server::builder().tls_config(tls).unwrap().add_service(CapabilitiesServer::new(Door));
    runtime.spawn(server.serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener)));
    let connect = |instance: &str, token: Option<&str>, authority: &str| {
        let config = RemoteConfig::new(format!("grpcs://localhost:{port}{instance}").parse().unwrap());
        let authorities = Some(authority.as_bytes().to_vec());
        Remote::connect(RemoteConfig { token: token.map(str::to_owned), authorities, ..config }).map(drop)
    };
    let refused = |outcome: Result<(), EngineError>| outcome.unwrap_err().to_string();
    connect("/main", Some("sesame\n"), &certificate).unwrap();
    assert!(refused(connect("/main", Some("barley"), &certificate)).contains("the word is another"));
    assert!(refused(connect("/main", None, &certificate)).contains("the word is another"));
    assert!(refused(connect("/main", Some("two\nlines"), &certificate)).contains("plain text"));
    assert!(refused(connect("", Some("sesame"), &certificate)).contains("it executes nothing"));
    let stranger = refused(connect("/main", Some("sesame"), &other));
    assert!(stranger.contains("connecting") && stranger.contains("certificate"), "{stranger}");
}
