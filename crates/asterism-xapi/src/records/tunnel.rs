//! Class `tunnel`: what makes a network's bridge on a host, and opens its firewall.

use std::collections::BTreeMap;

use asterism_model::{Encapsulation, ObjectRef};

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRecord {
    /// The PIF of the private network; its host is the tunnel's.
    pub access_pif: Option<ObjectRef>,
    /// Absent after its VLAN was destroyed.
    pub transport_pif: Option<ObjectRef>,
    /// `None` for one that is none of ours. Versions before 8.2's know GRE only, and don't say so.
    pub protocol: Option<Encapsulation>,
    /// Owned by the SDN controller.
    pub status: BTreeMap<String, String>,
}

impl Record for TunnelRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            access_pif: fields.reference("access_PIF"),
            transport_pif: fields.reference("transport_PIF"),
            protocol: match fields.text("protocol") {
                "" | "gre" => Some(Encapsulation::Gre),
                "vxlan" => Some(Encapsulation::Vxlan),
                _ => None,
            },
            status: fields.map("status"),
        }
    }
}
