//! One look at a pool, with an end, and in the API's words.

use std::time::Duration;

use asterism_api::{ApiError, v1};
use asterism_xapi::{PoolSurvey, XapiConfig};
use tokio::time::timeout;

use super::api_error;

/// For all of a survey. A login alone may take twenty seconds at each of some addresses.
const DEADLINE: Duration = Duration::from_secs(60);

/// Looks at a pool.
///
/// # Errors
/// Why there is nothing to see, or that it took too long.
pub async fn survey(config: &XapiConfig) -> Result<PoolSurvey, ApiError> {
    match timeout(DEADLINE, asterism_xapi::survey(config)).await {
        Ok(surveyed) => surveyed.map_err(|error| api_error(&error)),
        Err(_) => Err(ApiError::Pool {
            reason: "xapi_unreachable",
            field: "access.addresses",
            problem: format!("the pool's XAPI did not show its pool within {DEADLINE:?}"),
        }),
    }
}

pub fn survey_to_proto(survey: &PoolSurvey) -> v1::PoolSurvey {
    let hosts = survey.hosts.iter().map(|(name, host)| v1::SurveyedHost {
        name: name.to_string(),
        uuid: host.uuid.to_string(),
        address: host.address.map(|address| address.to_string()).unwrap_or_default(),
        version: host.version.clone(),
        backend: host.backend.clone(),
        is_master: host.is_master,
        is_enabled: host.is_enabled,
        is_live: host.is_live,
    });
    let networks = survey.networks.iter().map(|network| v1::SurveyedNetwork {
        bridge: network.bridge.clone(),
        label: network.label.clone(),
        mtu: network.mtu,
        hosts: network
            .hosts
            .iter()
            .map(|(host, address)| (host.to_string(), address.map(|ip| ip.to_string()).unwrap_or_default()))
            .collect(),
    });
    v1::PoolSurvey {
        uuid: survey.uuid.to_string(),
        label: survey.label.clone(),
        address: survey.address.to_string(),
        fingerprint: survey.certificate.map(|fingerprint| fingerprint.to_string()).unwrap_or_default(),
        hosts: hosts.collect(),
        networks: networks.collect(),
    }
}
