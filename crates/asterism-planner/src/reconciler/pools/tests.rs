//! A reconciler between the log, which says what it is told, and a pool of a few maps. No host answers here.

use asterism_model::{Command, NetworkState, Reply, XapiUuid};

use super::*;
use crate::{
    Event, Settings,
    pools::PoolSession,
    testing::{
        state,
        support::{model::script, pool::FakePool},
    },
};

const POOL: PoolId = PoolId(1);
const CARRYING: &str = "
    xapi-pool x1 pin=aa
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
    network n x1:xenbr1";

struct Story {
    state: NetworkState,
    reconciler: Reconciler,
    pool: FakePool,
    now: Tick,
    /// What came out that is not done here.
    said: Vec<String>,
    /// Calls that were made and are not answered.
    calls: Vec<(u64, PoolCall)>,
}

impl Story {
    fn of(script: &str) -> Self {
        let state = state(script);
        let cluster = state.cluster().unwrap().id;
        let now = Tick(0);
        let (shared, epoch) = (Arc::new(state.clone()), state.epoch());
        let reconciler = Reconciler::new(Settings::default(), cluster, epoch, shared, now);
        let inventory = state.pools()[&POOL].xapi().unwrap().inventory.clone().unwrap();
        let pool = FakePool::of(&inventory);
        let mut story = Self { state, reconciler, pool, now, said: Vec::new(), calls: Vec::new() };
        story.drain();
        story
    }

    fn handle(&mut self, event: Event) {
        self.reconciler.handle(event, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.reconciler.poll_action() {
            match action {
                Action::ConnectPool { pool } => self.said.push(format!("connect {pool}")),
                Action::DisconnectPool { pool } => self.said.push(format!("disconnect {pool}")),
                Action::CallPool { ticket, call, .. } => self.calls.push((ticket, call)),
                Action::Propose(operation) => {
                    let outcome = self.commit(&operation);
                    self.reconciler.handle(Event::Proposed { operation, outcome }, self.now);
                    self.reconciler.handle(Event::State(Arc::new(self.state.clone())), self.now);
                }
                Action::Connect { host, endpoint, .. } => {
                    self.said.push(format!("connect {host} {endpoint}"))
                }
                Action::Disconnect { host } => self.said.push(format!("disconnect {host}")),
                Action::Claim { .. } | Action::Transact { .. } | Action::StepDown { .. } => {
                    panic!("no host answers: {action:?}")
                }
            }
        }
    }

    fn commit(&mut self, operation: &Operation) -> ProposalOutcome {
        let command =
            Command { caller: None, request: None, at: self.state.clock(), operation: operation.clone() };
        match self.state.apply(&command) {
            Reply::Applied { .. } => ProposalOutcome::Applied,
            Reply::Refused(refusal) => ProposalOutcome::Refused(refusal),
        }
    }

    /// An operator's line, committed.
    fn ask(&mut self, line: &str) {
        let command = script::parse(line, &self.state);
        let reply = self.state.apply(&command);
        assert!(matches!(reply, Reply::Applied { .. }), "{line}: {reply:?}");
        self.handle(Event::State(Arc::new(self.state.clone())));
    }

    /// The pool shows what it has; its inventory is the one in the state unless another is given.
    fn show(&mut self, inventory: Option<PoolInventory>) {
        let known = self.state.pools()[&POOL].xapi().unwrap().inventory.clone();
        let inventory = Arc::new(inventory.or(known).unwrap());
        let picture = Arc::new(self.pool.shows.clone());
        self.handle(Event::PoolPicture { pool: POOL, inventory, picture });
    }

    /// What a line of script would have the pool list.
    fn listing(&self, line: &str) -> PoolInventory {
        let operation = script::parse(&format!("inventory x1 {line}"), &self.state).operation;
        let Operation::RecordInventory { inventory, .. } = operation else { panic!("{operation:?}") };
        inventory
    }

    /// All calls are answered, and shown, until none comes.
    fn settle(&mut self) {
        self.show(None);
        while !self.calls.is_empty() {
            for (ticket, call) in std::mem::take(&mut self.calls) {
                let outcome = self.pool.call(&call);
                self.handle(Event::PoolCalled { pool: POOL, ticket, outcome });
            }
            self.show(None);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.handle(Event::Wake);
    }

    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    fn lane(&self) -> &PoolLane {
        self.reconciler.pools().next().unwrap().1
    }
}

#[test]
fn a_pool_gets_its_objects_and_then_nothing_is_called() {
    let mut story = Story::of(CARRYING);
    assert_eq!(story.said(), ["connect h1 ssl:10.0.0.1:6640", "connect h2 ssl:10.0.0.2:6640", "connect p1"]);
    story.settle();
    assert_eq!(story.pool.shows.networks.len(), 1);
    assert!(story.pool.shows.networks.values().all(|network| network.tunnels.len() == 2));
    // No host answers here, and may lack our CA.
    story.wait(DEAF);
    story.settle();
    let calls = story.pool.done.len();
    story.show(None);
    story.wait(Duration::from_secs(600));
    story.show(None);
    assert_eq!(story.pool.done.len(), calls, "{:?}", story.pool.done);
    assert_eq!(story.calls, []);
}

#[test]
fn a_new_leader_calls_nothing_where_all_is_there() {
    let mut story = Story::of(CARRYING);
    story.settle();
    let mut next = Story::of(CARRYING);
    next.pool = story.pool;
    next.pool.done.clear();
    next.settle();
    assert_eq!(next.pool.done, Vec::<String>::new());
}

#[test]
fn hosts_that_stay_deaf_are_given_our_ca_once() {
    let mut story = Story::of(CARRYING);
    story.settle();
    story.pool.done.clear();
    story.wait(DEAF);
    story.settle();
    assert_eq!(story.pool.done, ["copy certificates to all hosts"]);
    story.wait(DEAF * 2);
    story.settle();
    assert_eq!(story.pool.done.len(), 1);
    let more = story.listing("a#1@10.0.0.1 b#2@10.0.0.2 c#3@10.0.0.3");
    story.show(Some(more));
    story.wait(DEAF);
    story.settle();
    assert_eq!(story.pool.done.iter().filter(|what| what.starts_with("copy")).count(), 2);
}

#[test]
fn a_host_that_hangs_holds_up_its_own_calls_alone() {
    let mut story = Story::of(CARRYING);
    story.pool.hanging.insert(XapiUuid(1));
    story.settle();
    let network = story.pool.shows.networks.values().next().unwrap();
    assert_eq!(network.tunnels.keys().collect::<Vec<_>>(), [&XapiUuid(2)]);
    let troubles: Vec<_> = story.lane().troubles().map(|(host, why)| (host, why.to_owned())).collect();
    assert_eq!(troubles, [(Some(XapiUuid(1)), "no answer".to_owned())]);

    story.pool.hanging.clear();
    story.wait(Duration::from_secs(2));
    story.settle();
    assert!(story.pool.shows.networks.values().all(|network| network.tunnels.len() == 2));
    assert_eq!(story.lane().troubles().count(), 0);
}

#[test]
fn what_the_pool_does_not_show_is_asked_for_again_after_a_pause() {
    let mut story = Story::of(CARRYING);
    story.show(None);
    let (ticket, call) = story.calls.remove(0);
    assert_eq!(call, PoolCall::InstallAuthority);
    // Done, as it says, and never shown.
    story.handle(Event::PoolCalled { pool: POOL, ticket, outcome: CallOutcome::Done });
    story.show(None);
    assert_eq!(story.calls, []);
    story.wait(Duration::from_secs(5));
    assert_eq!(story.calls.iter().map(|(_, call)| call).collect::<Vec<_>>(), [&PoolCall::InstallAuthority]);
}

#[test]
fn a_pool_that_is_lost_is_called_for_nothing_and_changes_nothing() {
    let mut story = Story::of(CARRYING);
    story.settle();
    let before = story.state.clone();
    story.handle(Event::PoolLost { pool: POOL, why: "no route".into() });
    story.ask("network m x1:xenbr1");
    story.wait(Duration::from_secs(600));
    assert_eq!(story.calls, []);
    assert_eq!(story.state.hosts(), before.hosts());
    assert!(matches!(&story.lane().session, PoolSession::Down { why, .. } if why == "no route"));
}

#[test]
fn inventories_go_to_the_log_when_they_say_something_new() {
    let mut story = Story::of(CARRYING);
    let revision = story.state.revision();
    story.show(None);
    assert_eq!(story.state.revision(), revision);
    let more = story.listing("a#1@10.0.0.1,xenbr1=10.1.0.9 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3");
    story.show(Some(more));
    assert_eq!(story.state.hosts().len(), 3);
    assert_eq!(story.said().last().unwrap(), "connect h3 ssl:10.0.0.3:6640");
    let moved = story.listing("a#1@10.0.0.7,xenbr1=10.1.0.9 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3");
    story.show(Some(moved));
    assert_eq!(story.said(), ["disconnect h1", "connect h1 ssl:10.0.0.7:6640"]);
}

#[test]
fn a_host_that_is_listed_no_longer_is_forgotten_once_it_has_been_silent_for_long() {
    let mut story = Story::of(CARRYING);
    let fewer = story.listing("a#1@10.0.0.1,xenbr1=10.1.0.1");
    story.show(Some(fewer));
    assert_eq!(story.state.hosts().len(), 2);
    story.wait(UNLISTED / 2);
    assert_eq!(story.state.hosts().len(), 2);
    let (at, what) = story.reconciler.poll_deadline().unwrap();
    assert!(at <= Tick(0) + UNLISTED, "{at} {what}");
    story.wait(UNLISTED / 2);
    assert_eq!(story.state.hosts().keys().collect::<Vec<_>>(), [&HostId(1)]);
}

#[test]
fn another_access_makes_another_session_and_certificates_that_the_pool_tells_do_not() {
    let mut story = Story::of(CARRYING);
    story.settle();
    story.said();
    let told = story.listing("a#1@10.0.0.1,xenbr1=10.1.0.1,cert=ab b#2@10.0.0.2,xenbr1=10.1.0.2,cert=ac");
    story.show(Some(told));
    // The hosts' own doors have another lock now.
    let hosts =
        ["disconnect h1", "disconnect h2", "connect h1 ssl:10.0.0.1:6640", "connect h2 ssl:10.0.0.2:6640"];
    let mut said = story.said();
    said.sort_by_key(|said| !said.starts_with("disconnect"));
    assert_eq!(said, hosts);
    story.ask("access x1 address=10.0.0.2 pin=ab");
    assert_eq!(story.said(), ["disconnect p1", "connect p1"]);
    story.handle(Event::PoolLost { pool: POOL, why: "unknown certificate".into() });
    story.ask("access x1 address=10.0.0.2 pin=ad");
    assert_eq!(story.said(), ["disconnect p1", "connect p1"]);
}

#[test]
fn a_pool_that_leaves_is_emptied_and_its_session_ends() {
    let mut story = Story::of(CARRYING);
    story.settle();
    story.ask("delete n");
    story.ask("remove-pool x1");
    story.settle();
    assert_eq!(story.pool.shows.networks.len(), 0);
    story.said();
    story.ask("forget h1");
    story.ask("forget h2");
    assert_eq!(story.said(), ["disconnect h1", "disconnect h2", "disconnect p1"]);
}

#[test]
fn in_read_only_mode_nothing_is_called_and_nothing_reported() {
    let mut story = Story::of(&format!("{CARRYING}\nsettings mode=read-only"));
    let fewer = story.listing("a#1@10.0.0.1,xenbr1=10.1.0.1");
    story.show(Some(fewer));
    story.wait(UNLISTED * 2);
    assert_eq!((story.calls.len(), story.state.hosts().len()), (0, 2));
}

#[test]
fn certificates_are_copied_though_the_pool_is_busy_or_refuses_at_first() {
    let mut story = Story::of(CARRYING);
    story.settle();
    story.pool.done.clear();
    // Something else is under way when the hosts turn out to be deaf.
    story.ask("update n mtu=1300");
    story.show(None);
    story.wait(DEAF);
    assert!(matches!(story.calls.as_slice(), [(_, PoolCall::ChangeNetwork { .. })]), "{:?}", story.calls);
    story.settle();
    assert_eq!(story.pool.done.last().unwrap(), "copy certificates to all hosts");

    let mut story = Story::of(CARRYING);
    story.settle();
    story.wait(DEAF);
    let (ticket, call) = story.calls.remove(0);
    assert_eq!(call, PoolCall::SyncCertificates);
    story.handle(Event::PoolCalled { pool: POOL, ticket, outcome: CallOutcome::Refused("busy".into()) });
    story.wait(Duration::from_secs(2));
    assert_eq!(story.calls.iter().map(|(_, call)| call).collect::<Vec<_>>(), [&PoolCall::SyncCertificates]);
}

#[test]
fn a_failure_is_over_when_nothing_is_asked_for_any_more() {
    let mut story = Story::of(CARRYING);
    story.pool.hanging.insert(XapiUuid(1));
    story.settle();
    assert_eq!(story.lane().troubles().count(), 1);
    story.ask("delete n");
    story.wait(Duration::from_secs(2));
    story.settle();
    assert_eq!(story.lane().troubles().count(), 0);
}

#[test]
fn hosts_without_certificates_are_dialled_again_when_their_pool_is_known_by_another_authority() {
    let mut story = Story::of(CARRYING);
    story.said();
    let access = story.state.pools()[&POOL].xapi().unwrap().access.clone();
    let trust = asterism_model::XapiTrust::Authority("PEM".into());
    let access = Box::new(asterism_model::XapiAccess { trust, ..access });
    let outcome = story.commit(&Operation::ChangeXapiAccess { pool: "x1".parse().unwrap(), access });
    assert_eq!(outcome, ProposalOutcome::Applied);
    story.handle(Event::State(Arc::new(story.state.clone())));
    assert!(story.said().contains(&"connect h1 ssl:10.0.0.1:6640".to_owned()));
}
