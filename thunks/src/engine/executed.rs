//! What a cluster says of an action that it has executed.

use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::protobuf::Timestamp;
use bazel_remote_apis::google::rpc;
use prost::Message;
use tonic::{Code, Status};

use super::{Engine, EngineError, Execution, Failure, FailureReason, outputs};
use crate::digest::Digest;
use crate::thunk::from_message;

/// Reads the answer of `engine`; `refused` makes an error of what the engine itself could not do.
pub(super) fn execution(
    engine: &dyn Engine,
    action: Digest,
    response: api::ExecuteResponse,
    refused: impl Fn(&Status) -> EngineError,
) -> Result<Execution, EngineError> {
    let result = response.result.unwrap_or_default();
    let reason = match not_ok(response.status.as_ref()) {
        None if result.exit_code == 0 => {
            let made = outputs(&result).ok_or_else(|| EngineError::Damaged {
                digest: action,
                what: "its result names outputs that nobody makes".to_owned(),
            })?;
            let (took, said) = (ran(&result).unwrap_or_default(), stderr(engine, &result)?);
            return Ok(Execution::Made { outputs: made, took, said });
        }
        None => FailureReason::Status(result.exit_code),
        Some(status) => match status.code() {
            Code::DeadlineExceeded => FailureReason::TimedOut(timeout(engine, action)?),
            Code::FailedPrecondition => {
                let lost = lost(response.status.as_ref());
                return Err(if lost.is_empty() { refused(&status) } else { EngineError::Lost(lost) });
            }
            // A program that is not there is the function's fault, not the cluster's.
            Code::InvalidArgument => FailureReason::NotStarted(status.message().to_owned()),
            _ => return Err(refused(&status)),
        },
    };
    Ok(Execution::Failed(Failure { reason, stderr: stderr(engine, &result)? }))
}

/// A status that says that something is wrong.
pub(super) fn not_ok(status: Option<&rpc::Status>) -> Option<Status> {
    status
        .filter(|status| status.code != Code::Ok as i32)
        .map(|it| Status::new(Code::from_i32(it.code), it.message.clone()))
}

/// How long a function ran.
fn ran(result: &api::ActionResult) -> Option<Duration> {
    let about = result.execution_metadata.as_ref()?;
    let since_epoch = |at: &Timestamp| {
        Some(Duration::new(u64::try_from(at.seconds).ok()?, u32::try_from(at.nanos).ok()?.min(999_999_999)))
    };
    let (begun, ended) = (&about.execution_start_timestamp, &about.execution_completed_timestamp);
    since_epoch(ended.as_ref()?)?.checked_sub(since_epoch(begun.as_ref()?)?)
}

fn timeout(engine: &dyn Engine, action: Digest) -> Result<Duration, EngineError> {
    let bytes = engine.fetch(action)?.unwrap_or_default();
    let action = api::Action::decode(&bytes[..]).unwrap_or_default();
    Ok(action.timeout.map(from_message).unwrap_or_default())
}

/// The end of what a function said.
fn stderr(engine: &dyn Engine, result: &api::ActionResult) -> Result<String, EngineError> {
    let bytes = match Digest::of_part(&result.stderr_digest) {
        Some(digest) if result.stderr_raw.is_empty() => engine.fetch(digest)?.unwrap_or_default(),
        _ => result.stderr_raw.clone(),
    };
    Ok(super::ending(&bytes))
}

/// The blobs that were not there (`google.rpc.PreconditionFailure` with `MISSING` of `blobs/HASH/BYTES`).
fn lost(status: Option<&rpc::Status>) -> Vec<Digest> {
    let details = status.map(|status| &status.details[..]).unwrap_or_default();
    let failures = details.iter().filter(|detail| detail.type_url.ends_with("/google.rpc.PreconditionFailure"));
    let violations = failures.filter_map(|detail| PreconditionFailure::decode(&detail.value[..]).ok());
    let missing = violations.flat_map(|it| it.violations).filter(|violation| violation.kind == "MISSING");
    missing.filter_map(|violation| violation.subject.rsplit_once("blobs/")?.1.parse().ok()).collect()
}

/// `google/rpc/error_details.proto`.
#[derive(Clone, PartialEq, Message)]
struct PreconditionFailure {
    #[prost(message, repeated, tag = "1")]
    violations: Vec<Violation>,
}

#[derive(Clone, PartialEq, Message)]
struct Violation {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    subject: String,
    #[prost(string, tag = "3")]
    description: String,
}
