//! Class `PIF`: one host's end of one network.

use std::net::IpAddr;

use asterism_model::ObjectRef;

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PifRecord {
    pub network: Option<ObjectRef>,
    pub host: Option<ObjectRef>,
    /// Of its primary kind (IPv4 or IPv6), else of the other, from DHCP too.
    pub address: Option<IpAddr>,
    /// Its bridge is on the host.
    pub is_attached: bool,
    pub role: PifRole,
}

/// What a PIF is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PifRole {
    Physical,
    BondMaster,
    /// Its traffic is the bond's.
    BondSlave,
    Vlan,
    TunnelAccess,
    SriovLogical,
    /// None of these, or not XAPI's to configure.
    Other,
}

impl PifRecord {
    /// Whether XAPI lets a tunnel use it, when it has an address.
    pub fn may_carry_tunnels(&self) -> bool {
        match self.role {
            PifRole::Physical | PifRole::BondMaster | PifRole::Vlan => true,
            PifRole::BondSlave | PifRole::TunnelAccess | PifRole::SriovLogical | PifRole::Other => false,
        }
    }
}

impl Record for PifRecord {
    fn read(fields: &Fields<'_>) -> Self {
        Self {
            network: fields.reference("network"),
            host: fields.reference("host"),
            address: address(fields),
            is_attached: fields.flag("currently_attached", false),
            role: role(fields),
        }
    }
}

fn role(fields: &Fields<'_>) -> PifRole {
    let has_any = |name| !fields.references(name).is_empty();
    if !fields.flag("managed", true) {
        PifRole::Other
    } else if has_any("tunnel_access_PIF_of") {
        PifRole::TunnelAccess
    } else if fields.reference("bond_slave_of").is_some() {
        PifRole::BondSlave
    } else if has_any("sriov_logical_PIF_of") {
        PifRole::SriovLogical
    } else if fields.reference("VLAN_master_of").is_some() {
        PifRole::Vlan
    } else if has_any("bond_master_of") {
        PifRole::BondMaster
    } else if fields.flag("physical", false) {
        PifRole::Physical
    } else {
        PifRole::Other
    }
}

fn address(fields: &Fields<'_>) -> Option<IpAddr> {
    let v4 = fields.text("IP").parse::<IpAddr>().ok();
    // Written with their prefix length; link-local ones don't leave the segment, and need a scope besides.
    let v6 = fields.texts("IPv6").find_map(|text| {
        let address = text.split('/').next().unwrap_or_default().parse::<IpAddr>().ok()?;
        let is_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        (!is_local).then_some(address)
    });
    let usable = |address: IpAddr| !address.is_unspecified();
    let (v4, v6) = (v4.filter(|&address| usable(address)), v6.filter(|&address| usable(address)));
    if fields.text("primary_address_type") == "IPv6" { v6.or(v4) } else { v4.or(v6) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pif(record: &Value) -> PifRecord {
        PifRecord::read(&Fields::of(record))
    }

    #[test]
    fn only_what_xapi_lets_carry_tunnels_may() {
        let may = |record: Value| pif(&record).may_carry_tunnels();
        assert!(may(json!({ "physical": true })));
        assert!(may(json!({ "bond_master_of": ["OpaqueRef:1"] })));
        assert!(may(json!({ "VLAN_master_of": "OpaqueRef:1" })));
        assert!(!may(json!({ "physical": true, "bond_slave_of": "OpaqueRef:1" })));
        assert!(!may(json!({ "tunnel_access_PIF_of": ["OpaqueRef:1"] })));
        assert!(!may(json!({ "physical": true, "managed": false })));
        assert!(!may(json!({ "VLAN_master_of": "OpaqueRef:NULL" })));
        assert!(!may(json!({})));
    }

    #[test]
    fn the_primary_address_is_the_one() {
        let address = |record: Value| pif(&record).address.map(|address| address.to_string());
        let both =
            json!({ "IP": "10.1.0.1", "IPv6": ["fe80::1/64", "fd00::1/64"], "primary_address_type": "IPv6" });
        assert_eq!(address(both).as_deref(), Some("fd00::1"));
        assert_eq!(address(json!({ "IP": "10.1.0.1", "IPv6": [""] })).as_deref(), Some("10.1.0.1"));
        assert_eq!(address(json!({ "IP": "", "IPv6": ["fd00::1/64"] })).as_deref(), Some("fd00::1"));
        assert_eq!(address(json!({ "IP": "", "IPv6": [""] })), None);
        assert_eq!(address(json!({ "IP": "0.0.0.0" })), None);
    }
}
