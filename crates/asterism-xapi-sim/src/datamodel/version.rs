//! Which xapi is simulated: what its records hold, and which calls it knows.
//!
//! Pure. Fields and calls carry the version since which they are there; older ones than 1.249 carry 0.

use std::fmt;

/// A version of xapi, of those that the hosts of interest run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.249.41, as in XCP-ng 8.2.
    V1_249,
    /// 23.4.0, the version that the recordings in `tests/wire` are of.
    V23_4,
    /// 26.1.4, as in XCP-ng 8.3.
    V26_1,
}

/// The parts of a version number, for comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(u32, u32, u32);

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Version; 3] = [Version::V1_249, Version::V23_4, Version::V26_1];

    pub(crate) fn release(self) -> Release {
        match self {
            Version::V1_249 => Release(1, 249, 41),
            Version::V23_4 => Release(23, 4, 0),
            Version::V26_1 => Release(26, 1, 4),
        }
    }

    /// `host.software_version`: what the product says of itself.
    pub(crate) fn software(self) -> Vec<(&'static str, &'static str)> {
        let (product, platform, brand) = match self {
            Version::V1_249 => ("8.2.1", "3.2.1", "XCP-ng"),
            Version::V23_4 => ("8.2.99", "3.3.0", "XCP-ng"),
            Version::V26_1 => ("8.3.0", "3.4.0", "XCP-ng"),
        };
        vec![
            ("product_version", product),
            ("product_brand", brand),
            ("platform_version", platform),
            ("platform_name", "XCP"),
            ("network_backend", "openvswitch"),
            ("xapi", &self.text()[..self.text().rfind('.').unwrap_or(0)]),
            ("xapi_build", self.text()),
        ]
    }

    /// `API_version_minor` of a host.
    pub(crate) fn api_minor(self) -> i64 {
        match self {
            Version::V1_249 => 16,
            Version::V23_4 => 20,
            Version::V26_1 => 21,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Version::V1_249 => "1.249.41",
            Version::V23_4 => "23.4.0",
            Version::V26_1 => "26.1.4",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl Release {
    /// Reads `1.250.0`; missing parts are 0.
    pub(crate) fn parse(text: &str) -> Release {
        let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        Release(next(), next(), next())
    }
}
