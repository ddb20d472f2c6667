//! Waits until an office has passed to where it shall be: a planned move takes a plan for each of its steps, and waits for
//! hosts in between. Looks again and again, since what is looked at is a few records.

use std::time::Duration;

use anyhow::Result;
use asterism_api::{Class, Client, Failure, v1};
use asterism_model::{HostRef, Name};
use tokio::time::{Instant, sleep, timeout_at};

use super::line::ProgressLine;
use crate::{exit::Problem, view::topology::root_of, view::word};

/// Between two looks. A step of a move takes some times BFD's interval.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a move is to end in.
#[derive(Debug, Clone)]
pub enum Goal {
    /// The host holds no office in any network.
    Drained { host: HostRef },
    /// The host is star-center of its pool.
    Center { network: Name, host: HostRef },
    /// The pool is pool-center.
    PoolCenter { network: Name, pool: Name },
    /// The pool's XAPI was read: its hosts are known.
    Read { pool: Name },
}

/// How far a move is.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    Reached,
    /// It goes on; this is what it is at.
    UnderWay(String),
    /// It was given up: something befell it.
    Ended(String),
}

/// Returns when the goal is reached.
///
/// # Errors
/// [`Problem::NotReached`], whatever the reason: what was asked for is kept, and the move goes on where it can.
pub async fn until(client: &mut Client, goal: &Goal, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let mut line = ProgressLine::default();
    let mut last = "no replica told how far it is".to_owned();
    let why = loop {
        match timeout_at(deadline, goal.look(client)).await {
            Ok(Ok(Look::Reached)) => {
                line.end();
                return Ok(());
            }
            Ok(Ok(Look::UnderWay(what))) => {
                line.show(what.clone());
                last = what;
            }
            Ok(Ok(Look::Ended(why))) => break format!("committed, and given up since: {why}"),
            // A leader is being elected: the next look may find one.
            Ok(Err(failure)) if matches!(failure.class, Class::Unavailable | Class::OutcomeUnknown) => {
                last = failure.to_string();
            }
            Ok(Err(failure)) => break format!("committed, and what came of it can't be told: {failure}"),
            Err(_) => break format!("committed, and not done within {timeout:?}; it goes on: {last}"),
        }
        // The next look ends the wait when the time is up.
        let _ = timeout_at(deadline, sleep(LOOK_AGAIN)).await;
    };
    line.end();
    Err(Problem::NotReached(why).into())
}

impl Goal {
    async fn look(&self, client: &mut Client) -> Result<Look, Failure> {
        match self {
            Self::Drained { host } => {
                let request = v1::ListHostsRequest { host: Some(host.to_string()), ..Default::default() };
                let hosts = client.call(request).await?.hosts;
                Ok(offices_left(hosts.iter().flat_map(|host| &host.offices)))
            }
            Self::Read { pool } => {
                let request = v1::ListPoolsRequest { pool: Some(pool.to_string()), ..Default::default() };
                let pools = client.call(request).await?.pools;
                Ok(pools.first().map_or(Look::Ended("the pool was removed".into()), look_at_xapi))
            }
            Self::Center { network, host } => {
                Ok(look_at_center(&topology(client, network).await?, &host.pool, &host.to_string()))
            }
            Self::PoolCenter { network, pool } => {
                Ok(look_at_pool(&topology(client, network).await?, pool.as_str()))
            }
        }
    }
}

/// A pool that was read has a master.
fn look_at_xapi(pool: &v1::Pool) -> Look {
    let Some(xapi) = pool.xapi.as_ref().filter(|xapi| xapi.master.is_empty()) else { return Look::Reached };
    let error = xapi.status.as_ref().map(|status| status.last_error.as_str()).unwrap_or_default();
    Look::UnderWay(if error.is_empty() { "the pool is being read".into() } else { error.to_owned() })
}

async fn topology(client: &mut Client, network: &Name) -> Result<v1::Topology, Failure> {
    let request = v1::GetTopologyRequest { network: Some(network.to_string()), ..Default::default() };
    // The one that was named: there is NOT_FOUND for none.
    Ok(client.call(request).await?.topologies.pop().unwrap_or_default())
}

fn offices_left<'a>(offices: impl Iterator<Item = &'a v1::Office>) -> Look {
    let left: Vec<String> = offices.map(describe).collect();
    if left.is_empty() { Look::Reached } else { Look::UnderWay(left.join("; ")) }
}

/// `root of blue, on its way to p1/b: waits for ..`
fn describe(office: &v1::Office) -> String {
    let rank = word!(Rank, "RANK_", office.rank).replace('_', " ");
    let mut text = format!("{rank} of {}", office.network);
    if office.is_coming {
        text.insert_str(0, "to be ");
    }
    if let Some(successor) = &office.successor {
        text.push_str(&format!(", on its way to {successor}"));
    }
    if !office.waiting_for.is_empty() {
        text.push_str(&format!(": {}", office.waiting_for));
    }
    text
}

fn look_at_center(topology: &v1::Topology, pool: &Name, host: &str) -> Look {
    let star = topology.stars.iter().find(|star| star.pool == pool.as_str());
    let center = star.and_then(|star| star.center.as_ref()).map(|center| center.holder.as_str());
    let next = star.and_then(|star| star.next.as_ref()).map(|next| next.host.as_str());
    match (center, next) {
        (Some(center), None) if center == host => Look::Reached,
        (Some(center), Some(next)) if next == host => {
            Look::UnderWay(step(topology, format!("{center} is star-center of {pool}, {host} becomes it")))
        }
        (center, next) => Look::Ended(format!(
            "star-center of {pool} is {}{}; see `asterctl events`",
            center.unwrap_or("nobody"),
            next.map(|next| format!(" and {next} becomes it")).unwrap_or_default()
        )),
    }
}

fn look_at_pool(topology: &v1::Topology, pool: &str) -> Look {
    let center = topology.pool_center.as_ref().map(|center| center.holder.as_str());
    let next = topology.next_pool.as_ref().map(|next| next.pool.as_str());
    match (center, next) {
        (Some(center), None) if center == pool => Look::Reached,
        (Some(center), Some(next)) if next == pool => {
            let root = root_of(topology).unwrap_or(center);
            Look::UnderWay(step(
                topology,
                format!("pool-center is {center} with root {root}, {pool} becomes it"),
            ))
        }
        (center, next) => Look::Ended(format!(
            "pool-center is {}{}; see `asterctl events`",
            center.unwrap_or("none"),
            next.map(|next| format!(" and {next} becomes it")).unwrap_or_default()
        )),
    }
}

fn step(topology: &v1::Topology, what: String) -> String {
    [vec![what], topology.waiting.clone()].concat().join("; ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::output::fixture::three_pools;

    #[test]
    fn a_drain_names_the_offices_that_are_left() {
        let office = |network: &str, rank: v1::Rank| v1::Office {
            network: network.into(),
            rank: rank.into(),
            ..Default::default()
        };
        let offices = [
            v1::Office {
                successor: Some("p1/b".into()),
                waiting_for: "until nothing comes over p1/a from p1/c".into(),
                ..office("blue", v1::Rank::Root)
            },
            office("green", v1::Rank::Standby),
            v1::Office { is_coming: true, ..office("red", v1::Rank::StarCenter) },
        ];
        let Look::UnderWay(line) = offices_left(offices.iter()) else { unreachable!() };
        expect!["root of blue, on its way to p1/b: until nothing comes over p1/a from p1/c; standby of green; to be star center of red"].assert_eq(&line);
        assert_eq!(offices_left([].iter()), Look::Reached);
    }

    #[test]
    fn a_center_is_under_way_until_it_is_there_and_at_rest() {
        let mut topology = three_pools();
        let pool: Name = "p2".parse().unwrap();
        assert_eq!(look_at_center(&topology, &pool, "p2/a"), Look::Reached);
        let Look::Ended(why) = look_at_center(&topology, &pool, "p2/b") else { unreachable!() };
        expect!["star-center of p2 is p2/a; see `asterctl events`"].assert_eq(&why);
        topology.stars[1].next = Some(v1::NextCenter { host: "p2/b".into(), ..Default::default() });
        topology.waiting.push("the move waits: until p2/c answers".into());
        let Look::UnderWay(line) = look_at_center(&topology, &pool, "p2/b") else { unreachable!() };
        expect!["p2/a is star-center of p2, p2/b becomes it; the move waits: until p2/c answers"]
            .assert_eq(&line);
    }

    #[test]
    fn a_pool_center_is_under_way_until_it_is_there_and_at_rest() {
        let mut topology = three_pools();
        assert_eq!(look_at_pool(&topology, "p1"), Look::Reached);
        let Look::Ended(why) = look_at_pool(&topology, "p2") else { unreachable!() };
        expect!["pool-center is p1; see `asterctl events`"].assert_eq(&why);
        topology.next_pool = Some(v1::NextPool { pool: "p2".into(), ..Default::default() });
        let Look::UnderWay(line) = look_at_pool(&topology, "p2") else { unreachable!() };
        expect!["pool-center is p1 with root p1/a, p2 becomes it"].assert_eq(&line);
    }
}
