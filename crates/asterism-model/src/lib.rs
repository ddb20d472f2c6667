//! The nouns of Asterism and the one verb that changes them.
//!
//! Pure: no I/O, no clock, no randomness, no hash order. Everything here is a value that can be compared, ordered
//! and stored. [`NetworkState`] is what the controllers agree on through Raft; [`NetworkState::apply`] is the only
//! way to change it, and gives the same answer on every replica.
//!
//! Reading order: [`id`], [`pool`], [`network`], [`topology`] (what is agreed on), [`command`] and [`apply`] (how it
//! changes), then [`target`], [`observed`], [`diff`] and [`fence`] (what is done with it on a host), [`inventory`] and
//! [`pool_objects`] (the same of a pool).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod adoption;
pub mod apply;
pub mod audit;
pub mod backup;
pub mod caller;
pub mod command;
pub mod diff;
pub mod endpoint;
pub mod error_text;
pub mod event;
pub mod fence;
pub mod id;
pub mod invariant;
pub mod inventory;
pub mod membership;
pub mod name;
pub mod network;
pub mod observed;
pub mod pool;
pub mod pool_objects;
pub mod refusal;
pub mod session;
pub mod settings;
pub mod state;
pub mod stored;
pub mod target;
pub mod topology;
pub mod xapi;

pub use adoption::{AdoptedNetwork, AdoptedPoolSpec, Adoption, AdoptionSpec};
pub use audit::{AuditEntry, AuditResult};
pub use caller::{AccessRole, Caller};
pub use command::{
    Command, Effect, HostRef, HostSpec, NetworkChange, NetworkSpec, Operation, PoolAttachmentSpec, Reply,
    RequestId,
};
pub use diff::{
    BridgeChange, BridgeClaim, BridgeRelease, BridgeRemoval, HostDiff, InterfaceChange, PortAddition,
    PortChange, PortClaim, PortRelease, PortRemoval,
};
pub use endpoint::OvsdbEndpoint;
pub use error_text::chain;
pub use event::{Event, EventKind, HostReport, TimelineCause};
pub use fence::{Fence, Outcome, StoredFence};
pub use id::{ClusterId, HostId, NetworkId, NodeId, PoolId, RowUuid, SessionId, XapiUuid};
pub use inventory::{HostInventory, PoolInventory, XapiHost};
pub use membership::{Invitation, MemberChange, MemberEvent, MemberRole, Membership};
pub use name::{Name, NameError, TransportName};
pub use network::{Detection, Encapsulation, PoolAttachment, PrivateNetwork, Resilience, Shape, Vni};
pub use observed::{
    BfdState, ObservedBridge, ObservedHost, ObservedInterface, ObservedPort, PluginPort, PoolBridge,
};
pub use pool::{Datapath, Host, Pool, Transport, Uplinks};
pub use pool_objects::{
    CallOutcome, ObjectRef, ObservedAuthority, ObservedController, ObservedPool, ObservedPoolHost,
    ObservedPoolNetwork, ObservedTransport, ObservedTunnel, PluginNetwork, PoolAdoption, PoolCall,
    PoolNetworkKey, PoolTarget, TargetPoolNetwork, TunnelStatus,
};
pub use refusal::{Listing, Refusal};
pub use settings::{ClusterSettings, Mode, SettingsChange};
pub use state::{ClusterIdentity, NetworkState, Timestamp};
pub use stored::{StoredError, decode_command, decode_state, encode_command, encode_state};
pub use target::{
    Bfd, BondMode, BridgeAdoption, BridgeOwner, HostTarget, PortRole, TargetBridge, TargetPort, Tunnel,
};
pub use topology::{
    Cause, Choice, Drain, DrainExtent, NextCenter, NextPool, Rank, Star, StarPlan, Topology, TopologyPlan,
};
pub use xapi::{
    CertificateFingerprint, Management, SealedSecret, XapiAccess, XapiAddress, XapiPool, XapiTrust,
};
