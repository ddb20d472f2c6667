//! Things that are broken on purpose in the harness's own fakes, to show that the oracles see it. No part of the product
//! knows of them.

use std::{fmt, str::FromStr};

use super::FaultKind;

macro_rules! breakages {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)+) => {
        /// What is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Breakage {
            $($(#[$doc])* $variant,)+
        }

        impl Breakage {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

breakages! {
    /// Hosts carry out whatever they are told, whoever left the stored fence.
    GuardIgnored "guard-ignored",
    /// Hosts take a claim that was made for the database before.
    RootIgnored "root-ignored",
    /// A leader writes with an epoch that it never claimed.
    ForgedFence "forged-fence",
    /// A leader sends whole targets, without regard to what must wait for other hosts.
    RingsIgnored "rings-ignored",
    /// One replica applies with its own clock in place of the command's.
    LocalApply "local-apply",
    /// One replica skips an entry.
    SkippedEntry "skipped-entry",
    /// The log acknowledges an operator's write and loses it.
    LostWrite "lost-write",
    /// Requests come without their place in their session.
    BareRetry "bare-retry",
    /// Each request comes twice, and takes effect each time.
    AppliedTwice "applied-twice",
    /// Hosts lose a foreign port when they are written to.
    ForeignTouched "foreign-touched",
    /// A new leader leads under the epoch of the one before.
    OldEpoch "old-epoch",
    /// Two replicas are elected in one term.
    TwoLeaders "two-leaders",
    /// Switches do not look at tunnels' keys.
    KeysIgnored "keys-ignored",
    /// Switches forward over all members of a bond.
    BondsIgnored "bonds-ignored",
    /// Nobody is woken when a deadline has come.
    LostWakeUps "lost-wake-ups",
    /// Hosts keep the ports that they are told to remove.
    KeptPorts "kept-ports",
    /// Hosts write other tunnels than they are told to.
    WrongTunnels "wrong-tunnels",
    /// A host's stored fence goes back at each write.
    FenceFalls "fence-falls",
    /// Pictures of hosts are shown once and never renewed.
    OldPictures "old-pictures",
    /// A pool makes each network twice.
    PoolNetworkTwice "pool-network-twice",
}

impl Breakage {
    /// The faults without which it seldom matters; absent: all.
    pub fn faults(self) -> Option<Vec<FaultKind>> {
        (self == Self::RootIgnored).then(|| {
            vec![
                FaultKind::Pause,
                FaultKind::Transfer,
                FaultKind::Isolate,
                FaultKind::Empty,
                FaultKind::Reinstall,
            ]
        })
    }
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Breakage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|breakage| breakage.name() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|breakage| breakage.name()).collect();
            format!("`{text}` is not a breakage: expected one of {}", names.join(", "))
        })
    }
}
