//! The laboratory: real Open vSwitch hosts, VMs and controllers as network namespaces of one machine.
//!
//! The demo, the end-to-end tests, the chaos harness and the benchmarks build on it. A program calls
//! [`sandbox::enter`] first (a test: [`in_sandbox`]) and then [`Lab::builder`]; nothing here touches the machine's own
//! network, and nothing outlives the process. Blocking throughout: a laboratory waits for processes, not for sockets.
//!
//! Knows nothing of the controllers' inside: it runs `asterismd` and `asterctl` as programs, and reads OVSDB with Open
//! vSwitch's own tools, so that it can bear witness.

mod address;
mod answers;
mod binaries;
mod builder;
mod cluster;
mod controller;
mod daemon;
mod ears;
mod error;
mod fabric;
mod host;
mod lab;
mod netns;
mod nic;
mod operator;
mod outsider;
mod pki;
pub mod probe;
mod process;
pub mod rows;
pub mod sandbox;
pub mod scenario;
mod tool;
mod vm;
pub mod wait;
mod xapi;

pub use address::{
    CONTROLLER_PORT, HOSTS_MAX, HostName, OPERATOR, OUTSIDER, OVSDB_PORT, POOLS_MAX,
    controller as controller_address,
};
pub use answers::{
    ClusterStatus, Fence, Holder, HostStatus, LinkStatus, NetworkStatus, ReplicaState, ReplicaStatus,
    StarStatus, TopologyStatus,
};
pub use binaries::find as find_program;
pub use builder::LabBuilder;
pub use cluster::TRANSPORT;
pub use controller::{Controller, ControllerState, HostSessions};
pub use ears::{EARS_PORT, Ears, Heard};
pub use error::{LabError, Result};
pub use fabric::{Fabric, Loss, Underlay};
pub use host::{BridgeRef, Daemons, Host, HostState, MuteHost, OvsdbListen, TRANSPORT_BRIDGE, Vsctl};
pub use lab::{AllRows, Lab};
pub use netns::Netns;
pub use operator::Operator;
pub use outsider::{Outsider, broadcast_frame, send_vxlan_from};
pub use pki::{Authority, Identity, Keys, OvsdbTls, XCP_NG_CIPHERS, XCP_NG_PROTOCOLS};
pub use tool::{Output, Tool};
pub use vm::{Cidr, MTU_DEFAULT, Vm, VmSpec};
pub use xapi::{XAPI_PASSWORD, XAPI_USER, XapiPool};
