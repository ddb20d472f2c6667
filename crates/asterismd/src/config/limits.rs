//! `[limits]`: what one client may cost this replica.

use serde::Deserialize;

use super::at_least;
use crate::listener::ConnectionLimits;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    connections: Option<u64>,
    connections_per_address: Option<u64>,
    requests_per_connection: Option<u64>,
    request_bytes: Option<u64>,
    writes_per_second: Option<u64>,
}

/// What one client may cost this replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: ConnectionLimits,
    /// That one connection may have under way; more are refused.
    pub requests: usize,
    /// Of one request to the admin service.
    pub request_bytes: usize,
    /// Of one caller, over a burst of two seconds' worth.
    pub writes_per_second: u64,
}

impl Default for Limits {
    /// Far above what a cluster of thousands of hosts asks for; low enough that one runaway script leaves room for others.
    fn default() -> Self {
        Self {
            connections: ConnectionLimits { total: 1024, per_address: 128 },
            requests: 256,
            request_bytes: 1 << 20,
            writes_per_second: 1000,
        }
    }
}

impl Limits {
    pub(super) fn check(raw: &RawLimits) -> anyhow::Result<Self> {
        let default = Self::default();
        let count = |key: &str, number: Option<u64>, least: u64, default: usize| {
            at_least(key, number, least, default as u64)
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
        };
        let connections = default.connections;
        Ok(Self {
            connections: ConnectionLimits {
                total: count("limits.connections", raw.connections, 16, connections.total)?,
                per_address: count(
                    "limits.connections_per_address",
                    raw.connections_per_address,
                    16,
                    connections.per_address,
                )?,
            },
            requests: count(
                "limits.requests_per_connection",
                raw.requests_per_connection,
                16,
                default.requests,
            )?,
            request_bytes: count("limits.request_bytes", raw.request_bytes, 65_536, default.request_bytes)?,
            writes_per_second: at_least(
                "limits.writes_per_second",
                raw.writes_per_second,
                1,
                default.writes_per_second,
            )?,
        })
    }
}
