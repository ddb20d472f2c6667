//! What can be tuned about the session with a pool.

use std::{collections::BTreeSet, time::Duration};

use asterism_model::{XapiAddress, XapiUuid};

use crate::{backoff::Backoff, secret::Secret, tls::Trust};

/// How to reach one pool, and how patiently.
#[derive(Debug, Clone)]
pub struct XapiConfig {
    /// Where to begin to look for the master. Members' addresses are learned besides.
    pub addresses: BTreeSet<XapiAddress>,
    /// `pool.uuid`. Whoever answers with another is no member: a host that was ejected is a master of its own, and
    /// takes the same password. `None` for the first contact only.
    pub expected_pool: Option<XapiUuid>,
    pub user: String,
    pub password: Secret,
    pub trust: Trust,
    /// Names us in the pool's list of sessions, `asterism/<node>`. XAPI caps sessions by originator, so that others'
    /// leaks don't cost us ours.
    pub originator: String,
    /// PEM of the CA that the pool's hosts shall believe controllers by. `None` where nothing is going to be installed.
    pub authority: Option<String>,
    pub deadlines: Deadlines,
    pub limits: Limits,
    pub backoff: Backoff,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For dialling and for the TLS handshake, each.
    pub connect: Duration,
    /// From dialling to the pool's uuid, at one address. A slave that lost its master blocks for 14 s, then hangs up.
    pub login: Duration,
    /// A master that answered before is asked alone for this long, then all other addresses too.
    pub head_start: Duration,
    /// For calls that read or write the pool's database.
    pub call: Duration,
    /// For calls that make a host do something: a plug configures bridges, and its host may be slow.
    pub plug: Duration,
    /// How long `event.from` may wait for an event. What it costs is the time until a silent death is noticed.
    pub event: Duration,
    /// How late `event.from` may be besides: up to 10 s in old versions, which look at the time in such steps.
    pub event_overshoot: Duration,
    /// For the records of all classes, which is megabytes for a big pool.
    pub resync: Duration,
    /// For saying goodbye, in the background.
    pub logout: Duration,
    /// An address that refused our password is left alone for this long: failed logins cost the host seconds, fill its
    /// logs, and may lock the account.
    pub refused_password: Duration,
}

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest answer, in bytes. All records of a pool with 64 hosts and 5,000 VIFs are about 10 MB.
    pub answer: usize,
    /// Hints followed from one address: two slaves may point at each other.
    pub hints: usize,
    /// Connections kept open while nobody uses them.
    pub idle_connections: usize,
    /// Calls under way at once; further ones are refused. XAPI itself serves some hundred connections.
    pub calls: usize,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            login: Duration::from_secs(20),
            head_start: Duration::from_secs(2),
            call: Duration::from_secs(60),
            plug: Duration::from_secs(120),
            event: Duration::from_secs(30),
            event_overshoot: Duration::from_secs(15),
            resync: Duration::from_secs(120),
            logout: Duration::from_secs(5),
            refused_password: Duration::from_secs(120),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: 64 << 20, hints: 3, idle_connections: 4, calls: 128 }
    }
}

impl XapiConfig {
    /// The usual patience.
    pub fn new(
        addresses: BTreeSet<XapiAddress>,
        user: impl Into<String>,
        password: Secret,
        trust: Trust,
        originator: impl Into<String>,
    ) -> Self {
        Self {
            addresses,
            expected_pool: None,
            user: user.into(),
            password,
            trust,
            originator: originator.into(),
            authority: None,
            deadlines: Deadlines::default(),
            limits: Limits::default(),
            backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(30) },
        }
    }
}
