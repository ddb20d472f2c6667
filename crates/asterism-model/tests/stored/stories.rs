//! The histories whose states are kept, and what is refused after them.

/// A history that leaves every kind of record, event and reply in the state.
pub const HISTORY: &str = "
    @1000 init lab id=42334
    claim c1
    pool p1
    pool p2
    pool p3
    pool p4
    remove-pool p4
    @2000 host p1/a lan=10.0.0.1 san=10.1.0.1/9000
    host p1/b lan=10.0.0.2 san=10.1.0.2/9000 ovsdb=ssl:10.0.0.2 datapath=netdev
    host p1/c lan=10.0.0.3 san=10.1.0.3/9000 ovsdb=unix:/run/openvswitch/db.sock
    host p2/a 10.0.1.1
    host p2/b 10.0.1.2
    host p3/a fd00::1
    @3000 network n1 p1:lan:b p2 prefer=p1 vni=77
    network n2 p1:san encap=gre mtu=1400
    network n3 p3 encap=geneve
    network n4 p2
    adopt n1:vni=77:p1=h2:p2=h4:center=p1:cause=preferred n2:vni=1:p1=h1:center=p1 n4:vni=2
    @4000 update n1 mtu=1400
    disable p1/a
    remove p2/b
    remove p1/c
    adopt n1:vni=77:p1=h2:p2=h4:center=p2:cause=dead n2:vni=1:p1=h2:center=p1:cause=disabled
    forget h3
    delete n4
    session
    s1#1 pool p5
    session
    s2#1 host p5/a fd00::5
    session
    s3#1 network n5 p5
    session
    s4#1 session
    session
";

/// A history that came later, and leaves in the state what the first does not have.
pub const MOVES: &str = "
    @1000 init lab id=42335
    claim c1
    settings bfd=2500 mode=read-only
    settings mode=active
    pool p1
    pool p2
    pool p3
    host p1/a 10.0.0.1
    host p1/b 10.0.0.2
    host p1/c 10.0.0.3
    host p2/a 10.0.1.1
    host p2/b 10.0.1.2
    host p3/a 10.0.2.1
    uplinks h6 one
    uplinks h5 one
    uplinks h5 several
    @2000 network n1 p1 p2 p3 vni=77 resilience=dual detection=fast
    network n2 p1 resilience=dual
    network n3 p2
    adopt n1:vni=77:p1=h1+h2:p2=h4+h5:p3=h6:center=p1 n2:vni=1:p1=h2+h1:center=p1
    @3000 move n2 p1/c
    adopt n2:vni=1:p1=h2+h3~h2/standby>h3:center=p1
    move-pool n1 p2
    adopt n1:vni=77:p1=h1+h2:p2=h4+h5:p3=h6:center=p1:next=p2~:cause=moved
    move-pool n1 p1
    @4000 adopt n1:vni=77:p1=h2+h3:p2=h4+h5:p3=h6:center=p1:cause=dead:evidence=no-word-for-3s
    move-pool n1 p3
    adopt n1:vni=77:p1=h2+h3:p2=h5:p3=h6:center=p1:next=p3~:cause=cut-off
    move n1 p1/c
    adopt n1:vni=77:p1=h2+h3~h2>h3:p2=h5:p3=h6:center=p1:next=p3~:cause=moved
    @5000 adopt n1:vni=77:p1=h3+h2:p2=h5:p3=h6:center=p3:cause=moved
    move n1 p1/a
    move-pool n1 p2
    session
    s1#1 move n1 p1/b
    session
    s2#1 settings bfd=100
    update n2 detection=fast
    disable p2/b
";

/// Changes of which somebody is known to have asked for them.
pub const AUDITED: &str = "
    @1000 by=alice:admin@10.0.0.9 init lab id=42337
    claim c1
    @2000 by=bob:operator@fd00::9 pool p1
    by=bob:operator@fd00::9 host p1/a lan=10.0.0.1
    by=bob:operator@fd00::9 session
    by=bob:operator@fd00::9 xapi-pool x1 pin=ab
    @3000 by=carol:viewer@10.0.0.8 denied Write
    @4000 by=bob:operator@fd00::9 network n1 p1:lan
    by=bob:operator@fd00::9 settings mode=read-only
";

/// Pools behind a XAPI.
pub const XAPI: &str = "
    @1000 init lab id=42336
    claim c1
    xapi-pool x1 pin=ab
    xapi-pool x2
    @2000 inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1/9000,cert=ab b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3,xenbr1=10.1.0.1
    access x1 address=https://10.0.0.2 pin=cd
    network n1 x1:xenbr1:a
    adopt n1:vni=7:p1=h2:center=p1
    @3000 inventory x1 b#2@10.0.0.2,disabled,dead,xenbr1=10.1.0.3,cert=ef c#3@10.0.0.9
    inventory x2 a#1@fd00::1
    remove-pool x2
    session
    s1#1 xapi-pool x3
";

/// Networks that came from elsewhere.
pub const ADOPTED: &str = "
    @1000 init lab id=42337
    claim c1
    xapi-pool x1
    xapi-pool x2
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
    inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3
    @2000 take n1 plugin=240 vni=7 x1:10:xapi0:xenbr1:b
    take n2 plugin=241 vni=8 one-star center=x2 x1:11:xapi1:xenbr1:a x2:12:xapi0:xenbr1:a
    take n3 plugin=242 vni=9 x1:13:xapi2:xenbr1:a
    @3000 release n3
    forget-network n3
    release n1
";

pub const REFUSED_ADOPTED: &[&str] = &[
    "take n9 vni=10 x1:10:xapi9:xenbr1:b",
    "take n9 vni=10 x1:19:xapi/9:xenbr1:b",
    "take n9 vni=10 center=x2 x1:19:xapi9:xenbr1:b",
    "update n1 mtu=1300",
    "move-pool n2 x1",
];

/// A replica whose state was not the others'.
pub const DIVERGED: &str = "
    @1000 init lab id=42337
    claim c1
    @2000 diverged c3 index=812
";

/// What befalls the controllers' own cluster.
pub const MEMBERS: &str = "
    @1000 init lab id=42337
    claim c1
    pool p1
    host p1/a 10.0.0.1
    network n1 p1
    invite c4 10.9.0.4:7400 learner
    invite c4 10.9.0.4:7400
    join c4
    invite c5 10.9.0.5:7400 replaces=c2
    retire c2
    drain-node c3
    drain-node c1
    undrain-node c1
    @2000 restore c1 c3 c4
    claim c1
    invite c6 10.9.0.6:7400 learner
    @3000 recover c1 c3 c4
    claim c1
    invite c7 10.9.0.7:7400 learner
    drain-node c7
";

pub const REFUSED_MEMBERS: &[&str] = &["invite c2 10.9.0.2:7400", "invite c7 10.9.0.8:7400"];

/// What leaves its refusals in the state of [`HISTORY`].
pub const REFUSED: &[&str] = &[
    "pool p1",
    "remove-pool p1",
    "enable p1/z",
    "host p1/x 10.0.0.9/100",
    "host p1/x 127.0.0.1",
    "host p1/x san=10.0.9.9",
    "host p1/x 10.0.0.9 ovsdb=ssl:10.0.0.1",
    "network n9 p1:san mtu=9000",
    "network n9 p1 p3",
    "network n9 p1 vni=77",
    "update n9",
];

pub const REFUSED_MOVES: &[&str] =
    &["settings bfd=7", "move n1 p2/b", "move n3 p2/a", "move-pool n3 p2", "adopt n3:vni=5:p1=h1:center=p1"];

pub const REFUSED_XAPI: &[&str] = &[
    "xapi-pool x4 uuid=49",
    "host x1/z 10.0.0.8",
    "remove x1/b",
    "network n2 x1:xenbr7",
    "network n2 x1:xenbr1 encap=geneve",
    "network n2 x2:xenbr1",
    "move n1 x1/b",
];
