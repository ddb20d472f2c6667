//! The records of one pool, as far as they concern us: by class and reference, in the words of XAPI.
//!
//! Pure. Filled by `watch`, read by [`crate::inventory`], [`crate::observe`] and `calls`. Only fields
//! that somebody reads are kept. A reference may lead nowhere at any time: XAPI scrubs them late.
//!
//! VMs are absent on purpose: their records are the largest and change most often, and what the controller needs of them
//! stands in VIFs and in each host's OVSDB.

mod certificate;
mod fields;
mod host;
mod network;
mod pif;
mod pool;
mod tunnel;

use std::collections::BTreeMap;

use asterism_model::ObjectRef;
use serde_json::Value;

pub use certificate::{CertificateKind, CertificateRecord};
pub use fields::Fields;
pub use host::{HostMetricsRecord, HostRecord};
pub use network::{NetworkRecord, VifRecord};
pub use pif::PifRecord;
pub use pool::{PoolRecord, SdnControllerRecord};
pub use tunnel::TunnelRecord;

/// Objects of one class, by reference.
pub type Table<T> = BTreeMap<ObjectRef, T>;

/// A class that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Pool,
    Host,
    HostMetrics,
    Network,
    Pif,
    Tunnel,
    Vif,
    SdnController,
    Certificate,
}

/// All watched objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    pub pools: Table<PoolRecord>,
    pub hosts: Table<HostRecord>,
    pub host_metrics: Table<HostMetricsRecord>,
    pub networks: Table<NetworkRecord>,
    pub pifs: Table<PifRecord>,
    pub tunnels: Table<TunnelRecord>,
    pub vifs: Table<VifRecord>,
    pub sdn_controllers: Table<SdnControllerRecord>,
    pub certificates: Table<CertificateRecord>,
}

/// A PIF that may carry tunnels.
#[derive(Debug, Clone, Copy)]
pub struct Carrier<'a> {
    pub reference: &'a ObjectRef,
    pub pif: &'a PifRecord,
    pub network: &'a NetworkRecord,
}

/// Made of a record's fields, whatever they are.
pub trait Record {
    fn read(fields: &Fields<'_>) -> Self;
}

impl Class {
    pub const ALL: [Self; 9] = [
        Self::Pool,
        Self::Host,
        Self::HostMetrics,
        Self::Network,
        Self::Pif,
        Self::Tunnel,
        Self::Vif,
        Self::SdnController,
        Self::Certificate,
    ];

    /// As `event.from` and `valid_ref_counts` write it.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Host => "host",
            Self::HostMetrics => "host_metrics",
            Self::Network => "network",
            Self::Pif => "pif",
            Self::Tunnel => "tunnel",
            Self::Vif => "vif",
            Self::SdnController => "sdn_controller",
            Self::Certificate => "certificate",
        }
    }

    pub fn from_event_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.event_name() == name)
    }

    /// The method that gives all of its records.
    pub fn all_records(self) -> &'static str {
        match self {
            Self::Pool => "pool.get_all_records",
            Self::Host => "host.get_all_records",
            Self::HostMetrics => "host_metrics.get_all_records",
            Self::Network => "network.get_all_records",
            Self::Pif => "PIF.get_all_records",
            Self::Tunnel => "tunnel.get_all_records",
            Self::Vif => "VIF.get_all_records",
            Self::SdnController => "SDN_controller.get_all_records",
            Self::Certificate => "Certificate.get_all_records",
        }
    }
}

impl Records {
    /// Takes in an object's current record.
    pub fn put(&mut self, class: Class, object: ObjectRef, record: &Value) {
        let fields = Fields::of(record);
        match class {
            Class::Pool => drop(self.pools.insert(object, Record::read(&fields))),
            Class::Host => drop(self.hosts.insert(object, Record::read(&fields))),
            Class::HostMetrics => drop(self.host_metrics.insert(object, Record::read(&fields))),
            Class::Network => drop(self.networks.insert(object, Record::read(&fields))),
            Class::Pif => drop(self.pifs.insert(object, Record::read(&fields))),
            Class::Tunnel => drop(self.tunnels.insert(object, Record::read(&fields))),
            Class::Vif => drop(self.vifs.insert(object, Record::read(&fields))),
            Class::SdnController => drop(self.sdn_controllers.insert(object, Record::read(&fields))),
            Class::Certificate => drop(self.certificates.insert(object, Record::read(&fields))),
        }
    }

    /// Forgets an object, known or not.
    pub fn remove(&mut self, class: Class, object: &ObjectRef) {
        match class {
            Class::Pool => drop(self.pools.remove(object)),
            Class::Host => drop(self.hosts.remove(object)),
            Class::HostMetrics => drop(self.host_metrics.remove(object)),
            Class::Network => drop(self.networks.remove(object)),
            Class::Pif => drop(self.pifs.remove(object)),
            Class::Tunnel => drop(self.tunnels.remove(object)),
            Class::Vif => drop(self.vifs.remove(object)),
            Class::SdnController => drop(self.sdn_controllers.remove(object)),
            Class::Certificate => drop(self.certificates.remove(object)),
        }
    }

    /// Forgets a class's objects and takes in these, the answer of [`Class::all_records`]. `None` if it is none.
    pub fn replace(&mut self, class: Class, all: &Value) -> Option<()> {
        let all = all.as_object()?;
        self.clear(class);
        for (object, record) in all {
            self.put(class, ObjectRef(object.clone()), record);
        }
        Some(())
    }

    fn clear(&mut self, class: Class) {
        match class {
            Class::Pool => self.pools.clear(),
            Class::Host => self.hosts.clear(),
            Class::HostMetrics => self.host_metrics.clear(),
            Class::Network => self.networks.clear(),
            Class::Pif => self.pifs.clear(),
            Class::Tunnel => self.tunnels.clear(),
            Class::Vif => self.vifs.clear(),
            Class::SdnController => self.sdn_controllers.clear(),
            Class::Certificate => self.certificates.clear(),
        }
    }

    pub fn count(&self, class: Class) -> usize {
        match class {
            Class::Pool => self.pools.len(),
            Class::Host => self.hosts.len(),
            Class::HostMetrics => self.host_metrics.len(),
            Class::Network => self.networks.len(),
            Class::Pif => self.pifs.len(),
            Class::Tunnel => self.tunnels.len(),
            Class::Vif => self.vifs.len(),
            Class::SdnController => self.sdn_controllers.len(),
            Class::Certificate => self.certificates.len(),
        }
    }

    /// The pool itself; a database has one.
    pub fn pool(&self) -> Option<&PoolRecord> {
        self.pools.values().next()
    }

    /// Whether the pool takes the host for alive. Nothing is made of its silence.
    pub fn is_live(&self, host: &HostRecord) -> bool {
        let metrics = host.metrics.as_ref().and_then(|metrics| self.host_metrics.get(metrics));
        metrics.is_none_or(|metrics| metrics.is_live)
    }

    /// Whether a CA certificate has a record, as all have from version 1.294 on.
    pub fn tells_authorities(&self) -> bool {
        self.certificates.values().any(|certificate| certificate.kind == CertificateKind::Authority)
    }

    /// PIFs that may carry tunnels, with their networks, by host.
    pub fn transports(&self) -> BTreeMap<&ObjectRef, Vec<Carrier<'_>>> {
        let mut by_host: BTreeMap<&ObjectRef, Vec<Carrier<'_>>> = BTreeMap::new();
        for (reference, pif) in &self.pifs {
            let network = pif.network.as_ref().and_then(|network| self.networks.get(network));
            if let (Some(host), Some(network), true) = (&pif.host, network, pif.may_carry_tunnels()) {
                by_host.entry(host).or_default().push(Carrier { reference, pif, network });
            }
        }
        by_host
    }
}
