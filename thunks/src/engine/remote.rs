//! A cluster that speaks the Remote Execution API (version 2) over gRPC: its content-addressable storage, its action cache and its
//! execution service, at one address.
//!
//! What it is asked twice because an answer was lost does no harm: blobs and actions are named by what they are. What cannot be
//! reached for some seconds is an error; a run begun again goes on from what the cluster remembers.

mod address;

use std::future::Future;
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient;
use bazel_remote_apis::google::bytestream::{ReadRequest, WriteRequest};
use bazel_remote_apis::google::longrunning::Operation;
use bazel_remote_apis::google::longrunning::operation::Result as Ended;
use prost::Message;
use tokio::runtime::Runtime;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use self::api::action_cache_client::ActionCacheClient;
use self::api::capabilities_client::CapabilitiesClient;
use self::api::content_addressable_storage_client::ContentAddressableStorageClient;
use self::api::digest_function::Value as DigestFunction;
use self::api::execution_client::ExecutionClient;
use super::executed::{execution, not_ok};
use super::{Engine, EngineError, Execution, outputs};
use crate::action::Outputs;
use crate::digest::Digest;

pub use address::{Address, AddressError};

/// A cluster and how it is to know us.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Where it is.
    pub address: Address,
    /// What is sent as `authorization: Bearer …`.
    pub token: Option<String>,
    /// Certificates, as PEM, of those who may vouch for it; without, those that this machine trusts.
    pub authorities: Option<Vec<u8>>,
    /// How long it may be away before a run ends: servers are started anew.
    pub patience: Duration,
}

impl RemoteConfig {
    /// One that needs no token, on a machine that is trusted, and may be away for ten seconds.
    pub fn new(address: Address) -> Self {
        Self { address, token: None, authorities: None, patience: Duration::from_secs(10) }
    }
}

/// A cluster's engine.
#[derive(Debug)]
pub struct Remote {
    address: Address,
    line: Line,
    runtime: Runtime,
    patience: Duration,
    /// The most bytes of blobs in one message.
    batch_bytes: u64,
}

type Line = InterceptedService<Channel, Bearer>;

/// Says who we are with every call.
#[derive(Clone, Debug)]
struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

impl Remote {
    /// Connects, and asks whether the cluster can do what is wanted of it.
    ///
    /// # Errors
    /// [`EngineError::Remote`] when there is none, it does not let us in, or it executes nothing or names blobs otherwise than by
    /// SHA-256.
    pub fn connect(config: RemoteConfig) -> Result<Self, EngineError> {
        let RemoteConfig { address, token, authorities, patience } = config;
        let refused = |why: String| EngineError::Remote { address: address.to_string(), what: "connecting", why };
        let token = token.map(|token| format!("Bearer {}", token.trim()).parse()).transpose();
        let mut token: Option<MetadataValue<Ascii>> =
            token.map_err(|_| refused("a bearer token is plain text of one line".to_owned()))?;
        token.iter_mut().for_each(|token| token.set_sensitive(true));
        let scheme = if address.uses_tls { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{}", address.authority));
        let mut endpoint =
            endpoint.map_err(|error| refused(error.to_string()))?.connect_timeout(patience).keep_alive_while_idle(true);
        if address.uses_tls {
            let tls = match authorities {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).map_err(|error| refused(chain(&error)))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| refused(error.to_string()))?;
        let channel = runtime.block_on(endpoint.connect()).map_err(|error| refused(chain(&error)))?;
        let line = InterceptedService::new(channel, Bearer(token));
        let mut remote = Self { address, line, runtime, patience, batch_bytes: BATCH_BYTES };
        remote.batch_bytes = remote.check_abilities()?;
        Ok(remote)
    }

    /// Answers how many bytes of blobs it takes in one message.
    fn check_abilities(&self) -> Result<u64, EngineError> {
        let request = api::GetCapabilitiesRequest { instance_name: self.address.instance.clone() };
        let said = self.ask("asking what it can do", || {
            let (mut client, request) = (CapabilitiesClient::new(self.line.clone()), request.clone());
            async move { client.get_capabilities(request).await }
        })?;
        let refused = |why: &str| Err(self.failed("asking what it can do", why.to_owned()));
        if !said.execution_capabilities.is_some_and(|it| it.exec_enabled) {
            return refused("it executes nothing");
        }
        let cache = said.cache_capabilities.unwrap_or_default();
        if !cache.digest_functions.contains(&(DigestFunction::Sha256 as i32)) {
            return refused("it does not name blobs by SHA-256");
        }
        // None is said with 0.
        let most = u64::try_from(cache.max_batch_total_size_bytes).unwrap_or(0);
        Ok(if most == 0 { BATCH_BYTES } else { most.min(BATCH_BYTES) })
    }

    fn failed(&self, what: &'static str, why: String) -> EngineError {
        EngineError::Remote { address: self.address.to_string(), what, why }
    }

    fn refused(&self, what: &'static str, status: &Status) -> EngineError {
        self.failed(what, format!("{:?}: {}", status.code(), status.message()))
    }

    /// Calls, and where that is refused makes an error of it.
    fn ask<T, F>(&self, what: &'static str, call: impl FnMut() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.call(call).map_err(|status| self.refused(what, &status))
    }

    /// Calls, again and later each time while nobody answers, as long as patience lasts.
    fn call<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.runtime.block_on(async {
            let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
            loop {
                match call().await {
                    Err(status) if is_lost(&status) && waited < self.patience => {
                        tokio::time::sleep(pause).await;
                        waited += pause;
                        pause *= 2;
                    }
                    said => return said.map(Response::into_inner),
                }
            }
        })
    }

    fn find_missing(&self, blobs: &[Digest]) -> Result<Vec<Digest>, EngineError> {
        let request = api::FindMissingBlobsRequest {
            instance_name: self.address.instance.clone(),
            blob_digests: blobs.iter().map(|digest| digest.message()).collect(),
            digest_function: DigestFunction::Sha256 as i32,
        };
        let said = self.ask("asking what it lacks", || {
            let (mut client, request) = (self.storage(), request.clone());
            async move { client.find_missing_blobs(request).await }
        })?;
        let missing = said.missing_blob_digests.iter().map(Digest::from_message).collect::<Result<_, _>>();
        missing.map_err(|error| self.failed("asking what it lacks", error.to_string()))
    }

    fn storage(&self) -> ContentAddressableStorageClient<Line> {
        ContentAddressableStorageClient::new(self.line.clone()).max_decoding_message_size(MESSAGE_BYTES)
    }

    /// What a blob is called as a stream: `[INSTANCE/]blobs/HASH/BYTES`.
    fn resource(&self, within: &str, digest: Digest) -> String {
        let slash = if self.address.instance.is_empty() { "" } else { "/" };
        format!("{}{slash}{within}blobs/{digest}", self.address.instance)
    }

    fn store_small(&self, digest: Digest, blob: &[u8]) -> Result<(), EngineError> {
        const WHAT: &str = "storing a blob";
        let one = api::batch_update_blobs_request::Request {
            digest: Some(digest.message()),
            data: blob.to_vec(),
            compressor: 0,
        };
        let request = api::BatchUpdateBlobsRequest {
            instance_name: self.address.instance.clone(),
            requests: vec![one],
            digest_function: DigestFunction::Sha256 as i32,
        };
        let said = self.ask(WHAT, || {
            let (mut client, request) = (self.storage(), request.clone());
            async move { client.batch_update_blobs(request).await }
        })?;
        match said.responses.first() {
            Some(one) => not_ok(one.status.as_ref()).map_or(Ok(()), |status| Err(self.refused(WHAT, &status))),
            None => Err(self.failed(WHAT, "it says nothing of it".to_owned())),
        }
    }

    fn store_large(&self, digest: Digest, blob: &[u8]) -> Result<(), EngineError> {
        const WHAT: &str = "storing a large blob";
        // The upload has a name of its own; the same upload again may take the same.
        let resource = self.resource(&format!("uploads/{}/", upload_name(digest)), digest);
        let pieces = blob.chunks(PIECE_BYTES).enumerate().map(|(number, piece)| WriteRequest {
            // The name is said once.
            resource_name: if number == 0 { resource.clone() } else { String::new() },
            write_offset: (number * PIECE_BYTES) as i64,
            finish_write: (number + 1) * PIECE_BYTES >= blob.len(),
            data: piece.to_vec(),
        });
        let pieces: Vec<WriteRequest> = pieces.collect();
        let said = self.ask(WHAT, || {
            let (mut client, pieces) = (ByteStreamClient::new(self.line.clone()), pieces.clone());
            async move { client.write(tokio_stream::iter(pieces)).await }
        })?;
        // Less than all is said by one that had it already, as -1 or 0 by some.
        if said.committed_size > blob.len() as i64 {
            return Err(self.failed(WHAT, format!("it took {} bytes of {}", said.committed_size, blob.len())));
        }
        Ok(())
    }

    fn fetch_small(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        const WHAT: &str = "fetching a blob";
        let request = api::BatchReadBlobsRequest {
            instance_name: self.address.instance.clone(),
            digests: vec![digest.message()],
            digest_function: DigestFunction::Sha256 as i32,
            ..api::BatchReadBlobsRequest::default()
        };
        let said = self.ask(WHAT, || {
            let (mut client, request) = (self.storage(), request.clone());
            async move { client.batch_read_blobs(request).await }
        })?;
        let Some(one) = said.responses.into_iter().next() else {
            return Err(self.failed(WHAT, "it says nothing of it".to_owned()));
        };
        match not_ok(one.status.as_ref()) {
            None => Ok(Some(one.data)),
            Some(status) if status.code() == Code::NotFound => Ok(None),
            Some(status) => Err(self.refused(WHAT, &status)),
        }
    }

    fn fetch_large(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        let request = ReadRequest { resource_name: self.resource("", digest), ..ReadRequest::default() };
        let read = || {
            let (mut client, request) = (ByteStreamClient::new(self.line.clone()), request.clone());
            async move {
                let mut pieces = client.read(request).await?.into_inner();
                let mut blob = Vec::new();
                while let Some(piece) = pieces.message().await? {
                    blob.extend_from_slice(&piece.data);
                    if blob.len() as u64 > digest.bytes() {
                        break;
                    }
                }
                Ok(Response::new(blob))
            }
        };
        match self.call(read) {
            Ok(blob) => Ok(Some(blob)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.refused("fetching a large blob", &status)),
        }
    }

    /// Until the action has been executed; asked again where an answer was lost on the way.
    async fn run(&self, action: Digest) -> Result<api::ExecuteResponse, Status> {
        let request = api::ExecuteRequest {
            instance_name: self.address.instance.clone(),
            // What it remembers was asked before; if that served, this would not be asked.
            skip_cache_lookup: true,
            action_digest: Some(action.message()),
            inline_stderr: true,
            digest_function: DigestFunction::Sha256 as i32,
            ..api::ExecuteRequest::default()
        };
        let mut client = ExecutionClient::new(self.line.clone()).max_decoding_message_size(MESSAGE_BYTES);
        let mut operations = client.execute(request.clone()).await?.into_inner();
        let mut name = String::new();
        loop {
            let lost = match until_done(&mut operations, &mut name).await {
                Ok(Some(operation)) => return ended(operation),
                Ok(None) => Status::unavailable("the answer ended before its end"),
                Err(status) if is_lost(&status) => status,
                Err(status) => return Err(status),
            };
            if name.is_empty() {
                return Err(lost);
            }
            // Begun, and not heard of any more: one waits for the same, or has it done again where it was forgotten.
            let wait = api::WaitExecutionRequest { name: std::mem::take(&mut name) };
            operations = match client.wait_execution(wait).await {
                Ok(operations) => operations.into_inner(),
                Err(status) if status.code() == Code::NotFound => client.execute(request.clone()).await?.into_inner(),
                Err(status) => return Err(status),
            };
        }
    }
}

impl Engine for Remote {
    fn recall(&self, action: Digest) -> Result<Option<Outputs>, EngineError> {
        let request = api::GetActionResultRequest {
            instance_name: self.address.instance.clone(),
            action_digest: Some(action.message()),
            digest_function: DigestFunction::Sha256 as i32,
            ..api::GetActionResultRequest::default()
        };
        let recalled = self.call(|| {
            let (mut client, request) = (ActionCacheClient::new(self.line.clone()), request.clone());
            async move { client.get_action_result(request).await }
        });
        match recalled {
            // Some clusters remember failures, too.
            Ok(result) if result.exit_code == 0 => Ok(outputs(&result)),
            Ok(_) => Ok(None),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.refused("asking what it remembers", &status)),
        }
    }

    fn missing(&self, blobs: &[Digest]) -> Result<Vec<Digest>, EngineError> {
        let parts = blobs.chunks(DIGESTS_AT_ONCE).map(|blobs| self.find_missing(blobs));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn store(&self, digest: Digest, blob: &[u8]) -> Result<(), EngineError> {
        if digest.bytes() <= self.batch_bytes { self.store_small(digest, blob) } else { self.store_large(digest, blob) }
    }

    fn fetch(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        let small = digest.bytes() <= self.batch_bytes;
        let blob = if small { self.fetch_small(digest) } else { self.fetch_large(digest) }?;
        match blob {
            Some(blob) if Digest::of(&blob) != digest => {
                Err(EngineError::Damaged { digest, what: format!("{} bytes of something else", blob.len()) })
            }
            blob => Ok(blob),
        }
    }

    fn execute(&self, action: Digest) -> Result<Execution, EngineError> {
        const WHAT: &str = "executing";
        let run = || async { self.run(action).await.map(Response::new) };
        let response = self.ask(WHAT, run)?;
        execution(self, action, response, |status| self.refused(WHAT, status))
    }
}

/// The operation once it is done; none if nobody says so. `name` is what it is called as soon as that is known.
async fn until_done(operations: &mut Streaming<Operation>, name: &mut String) -> Result<Option<Operation>, Status> {
    while let Some(operation) = operations.message().await? {
        if operation.done {
            return Ok(Some(operation));
        }
        *name = operation.name;
    }
    Ok(None)
}

fn ended(operation: Operation) -> Result<api::ExecuteResponse, Status> {
    match operation.result {
        Some(Ended::Response(response)) => api::ExecuteResponse::decode(&response.value[..])
            .map_err(|error| Status::internal(format!("what came of it cannot be read: {error}"))),
        Some(Ended::Error(error)) => {
            Err(not_ok(Some(&error)).unwrap_or_else(|| Status::internal("an error that is none")))
        }
        None => Err(Status::internal("it is done, and nothing came of it")),
    }
}

/// A name for an upload, in the form that some servers insist on: a UUID (version 8, RFC 9562 §5.8) of the blob's own hash.
fn upload_name(digest: Digest) -> String {
    let hash = digest.hash();
    format!("{}-{}-8{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

/// Whether nobody was there, or the answer was lost on the way. What breaks off in the middle has other codes, but comes from somewhere
/// on this side; what a server says does not.
fn is_lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}

/// An error with all that it came from: the outer ones of a transport say too little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Nobody there: asked again after so long, then after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// gRPC messages have 4 MiB at most unless more is agreed on; this leaves room for what is around the blobs.
const BATCH_BYTES: u64 = (4 << 20) - (64 << 10);
/// The most that is taken as one message: results with many outputs, or much said on standard error.
const MESSAGE_BYTES: usize = 16 << 20;
/// A digest takes some 75 bytes.
const DIGESTS_AT_ONCE: usize = 10_000;
/// Of a stream.
const PIECE_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_called_by_a_uuid() {
        let name = upload_name(Digest::of(b""));
        assert_eq!(name, "e3b0c442-98fc-8c14-8afb-f4c8996fb924");
    }
}
