//! On whose behalf a request comes: put there by the gate, and told by a node that passes it on.

use asterism_api::ApiError;
use asterism_model::Caller;
use tonic::{
    Request,
    codegen::http::HeaderMap,
    metadata::{MetadataMap, MetadataValue},
};

/// The caller in JSON. Believed of nodes alone.
const TOLD: &str = "asterism-caller-bin";

/// Who asks. The gate lets nobody without a name reach a service's changes.
///
/// # Errors
/// `NotPermitted`: it is a node's own call.
pub fn of<T>(request: &Request<T>) -> Result<Caller, ApiError> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| ApiError::NotPermitted("a node changes nothing in its own name".to_owned()))
}

/// Names the caller in a request to another replica.
pub fn tell(metadata: &mut MetadataMap, caller: &Caller) {
    let text = serde_json::to_vec(caller).expect("two texts and a word have a stored form");
    metadata.insert_bin(TOLD, MetadataValue::from_bytes(&text));
}

/// Whom a node names.
///
/// # Errors
/// It can't be read: the node is of a version that tells more.
pub fn told(headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    let Some(value) = headers.get(TOLD) else { return Ok(None) };
    let metadata = MetadataMap::from_headers([(TOLD_NAME, value.clone())].into_iter().collect());
    let bytes = metadata.get_bin(TOLD).and_then(|value| value.to_bytes().ok());
    let caller = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match caller {
        Some(caller) => Ok(Some(caller)),
        None => Err(ApiError::NotPermitted("the caller that a node names can't be read".to_owned())),
    }
}

/// [`TOLD`], as headers have it.
const TOLD_NAME: tonic::codegen::http::HeaderName = tonic::codegen::http::HeaderName::from_static(TOLD);

#[cfg(test)]
mod tests {
    use asterism_model::AccessRole;

    use super::*;

    #[test]
    fn a_caller_survives_the_way_through_a_node() {
        let caller = Caller { name: "älice".into(), role: AccessRole::Operator, from: "fd00::1".into() };
        let mut metadata = MetadataMap::new();
        tell(&mut metadata, &caller);
        assert_eq!(told(&metadata.clone().into_headers()).unwrap(), Some(caller));
        assert_eq!(told(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn what_is_no_caller_is_refused_and_not_passed_over() {
        for text in ["", "!", "e30", "bm9uZQ=="] {
            let headers = [(TOLD_NAME, text.parse().unwrap())].into_iter().collect();
            assert!(matches!(told(&headers), Err(ApiError::NotPermitted(_))), "{text}");
        }
    }
}
