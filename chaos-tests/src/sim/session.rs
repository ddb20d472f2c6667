//! A leader's session with one host's OVSDB: requests in order, pictures in order, and what a network does to them.
//!
//! What was sent may be carried out though its sender waits no longer, leads no longer, or is dead. It never is after the
//! server that it was sent to has ended: a connection does not survive that.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use asterism_model::{Fence, HostDiff, HostId, Outcome, OvsdbEndpoint, RowUuid};
use asterism_planner::{Event, reconciler::ClaimOutcome};

use super::{
    Breakage, Time,
    replica::Letter,
    world::{Happening, World},
};

/// How long an order may be unanswered, as in the product's session.
const ORDER_DEADLINE: Duration = Duration::from_secs(5);
/// How long a host may be silent before its session is given up, as in the product.
const SILENCE: Duration = Duration::from_secs(3);

/// A session, or the attempt to make one.
pub struct Session {
    pub replica: usize,
    pub generation: u64,
    pub host: HostId,
    /// Whoever has the address; nobody may.
    pub machine: Option<usize>,
    pub is_up: bool,
    /// Counts connections: nothing of an earlier one concerns a later one.
    pub connection: u64,
    /// An answer is overdue, and nothing is shown until it comes.
    late: BTreeSet<u64>,
    is_show_due: bool,
    was_shown: bool,
    last_show: Time,
    last_order: Time,
    failures: u32,
}

/// What a host is told to do.
#[derive(Debug, Clone)]
pub enum Work {
    Claim { root: RowUuid, fence: Fence },
    Transact { stored: Fence, fence: Fence, diff: Box<HostDiff> },
}

/// Something that was sent to a host.
#[derive(Debug, Clone)]
pub struct Order {
    pub session: u64,
    pub connection: u64,
    pub replica: usize,
    pub generation: u64,
    pub host: HostId,
    pub machine: usize,
    /// The server's life that it was sent in.
    pub boot: u64,
    pub work: Work,
    /// Whether its sender still waits for the answer.
    pub is_awaited: bool,
}

impl World {
    pub fn open_session(&mut self, replica: usize, generation: u64, host: HostId, endpoint: &OvsdbEndpoint) {
        self.disconnect(replica, generation, host);
        self.last_session += 1;
        let id = self.last_session;
        let machine = self.machine_at(endpoint);
        let session = Session {
            replica,
            generation,
            host,
            machine,
            is_up: false,
            connection: 0,
            late: BTreeSet::new(),
            is_show_due: false,
            was_shown: false,
            last_show: self.now,
            last_order: self.now,
            failures: 0,
        };
        self.sessions.insert(id, session);
        if let Some(leading) = self.leading(replica, generation) {
            leading.sessions.insert(host, id);
        }
        let delay = self.dice.network.micros(300, 20_000);
        self.later(delay, Happening::Dial(id));
    }

    pub fn disconnect(&mut self, replica: usize, generation: u64, host: HostId) {
        let session = self.leading(replica, generation).and_then(|leading| leading.sessions.remove(&host));
        if let Some(session) = session {
            self.close_session(session);
        }
    }

    /// Nobody waits for anything that was sent over it.
    pub fn close_session(&mut self, session: u64) {
        self.sessions.remove(&session);
        for order in self.orders.values_mut().filter(|order| order.session == session) {
            order.is_awaited = false;
        }
    }

    /// Whether a replica's packets reach a machine, which runs.
    fn reaches(&self, replica: usize, machine: usize) -> bool {
        let it = &self.machines[machine];
        it.is_on() && !it.deaf.values().any(|cut| cut.is_none_or(|only| only == replica))
    }

    /// An attempt to connect is over.
    pub fn dial(&mut self, id: u64) {
        let Some(session) = self.sessions.get(&id) else { return };
        if !self.replicas[session.replica].is_running() {
            return self.later(Duration::from_millis(20), Happening::Dial(id));
        }
        let answers = session.machine.is_some_and(|machine| {
            self.reaches(session.replica, machine) && self.machines[machine].serves() && self.listens(machine)
        });
        let delay = self.dice.network.micros(200, 4_000);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if answers {
            session.is_up = true;
            session.connection += 1;
            session.failures = 0;
            session.is_show_due = true;
            session.was_shown = false;
            self.tally.count("sessions made");
            return self.later(delay, Happening::Show(id));
        }
        session.failures = (session.failures + 1).min(6);
        let pause = Duration::from_millis(100 << session.failures);
        let news = self.dice.network.millis(1, 1_500);
        self.tell_lost(id, "does not answer");
        self.later(news + pause, Happening::Dial(id));
    }

    fn tell_lost(&mut self, id: u64, why: &str) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (replica, generation, host) = (session.replica, session.generation, session.host);
        let event = Event::SessionLost { host, why: why.into() };
        self.inform(id, replica, generation, event);
    }

    /// Tells a leader what its session has to say, in order.
    fn inform(&mut self, id: u64, replica: usize, generation: u64, event: Event) {
        let delay = self.dice.network.micros(20, 400);
        let at = self.now + delay;
        let at = match self.sessions.get_mut(&id) {
            Some(session) => {
                session.last_show = session.last_show.max(at);
                session.last_show
            }
            None => at,
        };
        let incarnation = self.replicas[replica].incarnation;
        let span = at.since(self.now);
        if !self.twice.is_empty() && self.dice.network.chance(30) {
            self.tally.count("events told twice");
            self.send(span, replica, incarnation, Letter::Tell { generation, event: event.clone() });
        }
        self.send(span, replica, incarnation, Letter::Tell { generation, event });
    }

    /// Ends a connection: what was sent is unknown, and another one is tried.
    pub fn lose_session(&mut self, id: u64, why: &'static str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.is_up {
            return;
        }
        session.is_up = false;
        session.is_show_due = false;
        session.late.clear();
        let (replica, generation) = (session.replica, session.generation);
        self.tally.count("sessions lost");
        let waiting: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, order)| order.session == id && order.is_awaited)
            .map(|(order, _)| *order)
            .collect();
        for order in waiting {
            if let Some(order) = self.orders.get_mut(&order) {
                order.is_awaited = false;
                let event = unknown(order, why);
                self.inform(id, replica, generation, event);
            }
        }
        self.tell_lost(id, why);
        let delay = self.dice.network.millis(50, 300);
        self.later(delay, Happening::Dial(id));
    }

    /// The sessions to a machine.
    pub fn sessions_to(&self, machine: usize) -> Vec<u64> {
        let its = self.sessions.iter().filter(|(_, session)| session.machine == Some(machine));
        its.map(|(id, _)| *id).collect()
    }

    /// The server has ended: its connections break.
    pub fn break_sessions(&mut self, machine: usize) {
        for id in self.sessions_to(machine) {
            self.lose_session(id, "the connection was reset");
        }
        self.orders.retain(|_, order| order.machine != machine);
    }

    /// A machine has fallen silent: those who wait for it notice after a while, unless it comes back before.
    pub fn watch_silence(&mut self, machine: usize) {
        for id in self.sessions_to(machine) {
            let Some(session) = self.sessions.get(&id).filter(|session| session.is_up) else { continue };
            let connection = session.connection;
            let delay = SILENCE + self.dice.network.millis(0, 1_000);
            self.later(delay, Happening::Silence { session: id, connection });
        }
    }

    pub fn silence(&mut self, id: u64, connection: u64) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(machine) = session.machine.filter(|_| session.is_up && session.connection == connection)
        else {
            return;
        };
        if !(self.reaches(session.replica, machine) && self.machines[machine].serves()) {
            self.lose_session(id, "no answer to a probe");
        }
    }

    /// Sends something to a host over the session that is there; without one nothing is sent.
    pub fn order(&mut self, replica: usize, host: HostId, work: Work) {
        let super::office::Office::Leading(leading) = &self.replicas[replica].office else { return };
        let generation = leading.generation;
        let Some(id) = leading.sessions.get(&host).copied() else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let order = match session.machine.filter(|_| session.is_up) {
            Some(machine) => Order {
                session: id,
                connection: session.connection,
                replica,
                generation,
                host,
                machine,
                boot: self.machines[machine].boot,
                work,
                is_awaited: true,
            },
            None => {
                let event = match work {
                    Work::Claim { fence, .. } => {
                        Event::Claimed { host, fence, outcome: ClaimOutcome::Unknown("not sent".into()) }
                    }
                    Work::Transact { fence, .. } => {
                        Event::Transacted { host, fence, outcome: Outcome::Rejected("not sent".into()) }
                    }
                };
                return self.inform(id, replica, generation, event);
            }
        };
        let slow = self.slowness(order.machine);
        let at = (self.now + slow).max(session_time(self.sessions.get(&id)));
        if let Some(session) = self.sessions.get_mut(&id) {
            session.last_order = at;
        }
        self.last_order += 1;
        let number = self.last_order;
        self.orders.insert(number, order);
        self.later(at.since(self.now), Happening::Executes(number));
        self.later(ORDER_DEADLINE, Happening::OrderOverdue(number));
    }

    fn slowness(&mut self, machine: usize) -> Duration {
        if self.machines[machine].slowed.is_empty() {
            self.dice.network.micros(150, 6_000)
        } else {
            self.dice.network.millis(20, 6_500)
        }
    }

    /// An order has arrived at its host.
    pub fn executes(&mut self, number: u64) {
        let Some(order) = self.orders.get(&number).cloned() else { return };
        let machine = order.machine;
        let it = &mut self.machines[machine];
        if it.boot != order.boot || !it.is_on() {
            self.orders.remove(&number);
            return;
        }
        if !it.serves() {
            // It lies in the server's socket.
            it.backlog.push(number);
            return;
        }
        if !self.reaches(order.replica, machine) {
            // Sent again and again while its connection lives; some of it got through before the cut.
            let is_alive = self
                .sessions
                .get(&order.session)
                .is_some_and(|session| session.is_up && session.connection == order.connection);
            if is_alive {
                return self.later(Duration::from_millis(200), Happening::Executes(number));
            }
            if self.dice.network.chance(70) {
                self.orders.remove(&number);
                return;
            }
        }
        self.tally.count(if order.is_awaited { "orders carried out" } else { "orders carried out late" });
        let outcome = self.execute(&order);
        let breaks = !self.machines[machine].resets.is_empty() && self.dice.network.chance(40);
        if breaks {
            self.tally.count("answers lost");
            self.lose_session(order.session, "the connection broke");
            self.orders.remove(&number);
            return;
        }
        let delay = self.slowness(machine) / 2;
        self.later(delay, Happening::Answers(number, outcome));
    }

    /// The host's answer has arrived.
    pub fn answers(&mut self, number: u64, event: Event) {
        let Some(order) = self.orders.remove(&number) else { return };
        let Some(session) = self.sessions.get_mut(&order.session) else { return };
        if !session.is_up || session.connection != order.connection {
            return;
        }
        if session.late.remove(&number) {
            // Its fate is settled; what it is the next picture tells.
            self.show_soon(order.session);
        } else if order.is_awaited {
            self.inform(order.session, order.replica, order.generation, event);
        }
    }

    /// The answer to an order is overdue: its outcome is unknown, and there is no picture until it comes.
    pub fn order_overdue(&mut self, number: u64) {
        let Some(order) = self.orders.get_mut(&number).filter(|order| order.is_awaited) else { return };
        order.is_awaited = false;
        let event = unknown(order, "no answer within 5 s");
        let (id, replica, generation) = (order.session, order.replica, order.generation);
        self.tally.count("orders overdue");
        self.inform(id, replica, generation, event);
        if let Some(session) = self.sessions.get_mut(&id).filter(|session| session.is_up) {
            session.late.insert(number);
            self.tell_lost(id, "an answer is overdue");
        }
    }

    /// A machine's rows have changed, or what its switch says.
    pub fn changed(&mut self, machine: usize) {
        for id in self.sessions_to(machine) {
            self.show_soon(id);
        }
    }

    pub fn show_soon(&mut self, id: u64) {
        let Some(session) =
            self.sessions.get_mut(&id).filter(|session| session.is_up && !session.is_show_due)
        else {
            return;
        };
        session.is_show_due = true;
        let Some(machine) = session.machine else { return };
        let delay = if self.machines[machine].slowed.is_empty() {
            self.dice.network.micros(100, 3_000)
        } else {
            self.dice.network.millis(5, 2_000)
        };
        self.later(delay, Happening::Show(id));
    }

    /// Shows a picture, unless nothing gets through: then as soon as something does.
    pub fn show(&mut self, id: u64) {
        let Some(session) = self.sessions.get(&id).filter(|session| session.is_up && session.is_show_due)
        else {
            return;
        };
        let Some(machine) = session.machine else { return };
        if !self.reaches(session.replica, machine) || !self.machines[machine].serves() {
            return self.later(Duration::from_millis(150), Happening::Show(id));
        }
        if !session.late.is_empty() {
            return self.later(Duration::from_millis(150), Happening::Show(id));
        }
        let (replica, generation, host) = (session.replica, session.generation, session.host);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.is_show_due = false;
        let was_shown = std::mem::replace(&mut session.was_shown, true);
        if self.broken == Some(Breakage::OldPictures) && was_shown {
            return;
        }
        let picture = Arc::new(self.picture(machine));
        self.inform(id, replica, generation, Event::Picture { host, picture });
    }
}

fn session_time(session: Option<&Session>) -> Time {
    session.map(|session| session.last_order).unwrap_or_default()
}

fn unknown(order: &Order, why: &str) -> Event {
    let host = order.host;
    match &order.work {
        Work::Claim { fence, .. } => {
            Event::Claimed { host, fence: *fence, outcome: ClaimOutcome::Unknown(why.into()) }
        }
        Work::Transact { fence, .. } => {
            Event::Transacted { host, fence: *fence, outcome: Outcome::Unknown(why.into()) }
        }
    }
}
