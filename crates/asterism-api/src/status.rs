//! How an [`ErrorDetail`] travels: inside a `google.rpc.Status` in the trailer `grpc-status-details-bin`, where gRPC's
//! own tools look for it.

use prost::Message;
use tonic::{Code, Status};

use crate::v1::ErrorDetail;

/// Longest message of a status, in bytes. It travels in an HTTP/2 header, twice, and percent-encoded: a refusal that
/// quotes a long input or lists a thousand hosts must not exceed what a client takes.
const MAX_MESSAGE: usize = 1024;
const TYPE_URL: &str = "type.googleapis.com/asterism.admin.v1.ErrorDetail";

/// `google.rpc.Status`, as google/rpc/status.proto has it.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

pub(crate) fn with_detail(code: Code, message: &str, detail: &ErrorDetail) -> Status {
    let message = shorten(message);
    let any = prost_types::Any { type_url: TYPE_URL.to_owned(), value: detail.encode_to_vec() };
    let status = RpcStatus { code: code.into(), message: message.clone(), details: vec![any] };
    Status::with_details(code, message, status.encode_to_vec().into())
}

/// The detail in a status; `None` if a proxy, tonic itself or somebody else made it.
pub(crate) fn detail(status: &Status) -> Option<ErrorDetail> {
    let details = RpcStatus::decode(status.details()).ok()?.details;
    let any = details.into_iter().find(|any| any.type_url == TYPE_URL)?;
    ErrorDetail::decode(any.value.as_slice()).ok()
}

fn shorten(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let kept: String = message
        .char_indices()
        .take_while(|(start, _)| *start < MAX_MESSAGE - '…'.len_utf8())
        .map(|(_, char)| char)
        .collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_survives_the_status() {
        let sent = ErrorDetail { reason: "vni_taken".into(), field: "vni".into(), leader: None };
        let status = with_detail(Code::AlreadyExists, "taken", &sent);
        assert_eq!(detail(&status), Some(sent));
    }

    #[test]
    fn bytes_that_are_no_detail_are_none() {
        assert_eq!(detail(&Status::internal("x")), None);
        assert_eq!(detail(&Status::with_details(Code::Internal, "x", vec![0xff; 9].into())), None);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = with_detail(Code::Internal, &"é".repeat(5000), &ErrorDetail::default());
        assert!(status.message().len() <= MAX_MESSAGE + 1, "{}", status.message().len());
        assert!(status.message().ends_with("é…"));
    }
}
