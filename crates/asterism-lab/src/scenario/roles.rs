//! Who is what: roles of a network as the controllers tell them, and hosts found by their role.
//!
//! Pure. Roles are those of the last look, so that they can be named while no controller runs, and so that an event that
//! kills `root` and `center` means what they were when it began.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::words::{Place, PoolWord, Who};
use crate::address::HostName;

/// A network of `asterctl topology -o json`, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Picture {
    network: String,
    resilience: String,
    root: Option<String>,
    next_pool: Option<serde_json::Value>,
    stars: Vec<Star>,
    links: Vec<Link>,
}

#[derive(Clone, Debug, Deserialize)]
struct Star {
    pool: String,
    center: Option<Choice>,
    standby: Option<String>,
    next: Option<serde_json::Value>,
    drain: Option<serde_json::Value>,
    members: Vec<Member>,
}

#[derive(Clone, Debug, Deserialize)]
struct Choice {
    holder: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Member {
    host: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Link {
    from: String,
    to: String,
    state: String,
}

impl Picture {
    /// The first thing that is not as it shall be at rest; `able` are the hosts that may hold an office, `living` those
    /// whose tunnels must be up.
    pub(super) fn unsettled(&self, able: &BTreeSet<HostName>, living: &BTreeSet<HostName>) -> Option<String> {
        let is_in = |name: &str, set: &BTreeSet<HostName>| name.parse().is_ok_and(|host| set.contains(&host));
        let of = |problem: String| Some(format!("{}: {problem}", self.network));
        if self.next_pool.is_some() {
            return of("the pool-center moves".into());
        }
        for star in &self.stars {
            let pool = &star.pool;
            let candidates = star.members.iter().filter(|member| is_in(&member.host, able)).count();
            if star.next.is_some() || star.drain.is_some() {
                return of(format!("the star of {pool} moves"));
            }
            if candidates > 0 && !star.center.as_ref().is_some_and(|center| is_in(&center.holder, able)) {
                return of(format!("{pool} has no able star-center"));
            }
            let wants_standby = self.resilience == "dual" && candidates > 1;
            if wants_standby != star.standby.as_ref().is_some_and(|standby| is_in(standby, able)) {
                return of(format!("standby of {pool} is {:?}", star.standby));
            }
        }
        let open = self
            .links
            .iter()
            .find(|link| link.state != "up" && is_in(&link.from, living) && is_in(&link.to, living));
        open.and_then(|link| of(format!("{} - {} is {}", link.from, link.to, link.state)))
    }
}

/// Who is what in one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    root: Option<HostName>,
    centers: BTreeMap<u8, HostName>,
    standbys: BTreeMap<u8, HostName>,
    members: BTreeMap<u8, Vec<HostName>>,
}

impl Roles {
    pub(super) fn of(picture: &Picture) -> Self {
        let mut roles =
            Self { root: picture.root.as_deref().and_then(|root| root.parse().ok()), ..Self::default() };
        for star in &picture.stars {
            let Some(pool) = star.pool.strip_prefix('p').and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            let host = |name: &String| name.parse::<HostName>().ok();
            roles.centers.extend(star.center.as_ref().and_then(|center| Some((pool, host(&center.holder)?))));
            roles.standbys.extend(star.standby.as_ref().and_then(|standby| Some((pool, host(standby)?))));
            roles.members.insert(pool, star.members.iter().filter_map(|member| host(&member.host)).collect());
        }
        roles
    }

    /// The host that is meant.
    ///
    /// # Errors
    /// Says what the network lacks.
    pub(super) fn host(
        &self,
        who: &Who,
        named: &BTreeMap<String, HostName>,
        living: &BTreeSet<HostName>,
    ) -> Result<HostName, String> {
        let found = match who {
            Who::Host(name) => Some(*name),
            Who::Named(name) => named.get(name).copied(),
            Who::Root => self.root,
            Who::RootStandby => self.root.and_then(|root| self.standbys.get(&root.pool).copied()),
            Who::Center(pool) => self.centers.get(&self.pool(*pool)?).copied(),
            Who::Standby(pool) => self.standbys.get(&self.pool(*pool)?).copied(),
            Who::Leaf(pool) => {
                let pool = self.pool(*pool)?;
                let office = [self.centers.get(&pool), self.standbys.get(&pool)];
                let mut members = self.members.get(&pool).into_iter().flatten();
                members.find(|host| living.contains(host) && !office.contains(&Some(host))).copied()
            }
        };
        found.ok_or_else(|| {
            if let Who::Named(name) = who {
                return format!("`{name}` is nobody: `let {name} = root` names one");
            }
            format!("there is no `{who}` in {self:?}")
        })
    }

    /// Its number.
    ///
    /// # Errors
    /// When no pool is what is asked for.
    pub(super) fn pool(&self, pool: PoolWord) -> Result<u8, String> {
        let inner = self.root.map(|root| root.pool);
        let found = match pool {
            PoolWord::Number(number) => Some(number),
            PoolWord::Inner => inner,
            PoolWord::Outer => self.members.keys().copied().find(|pool| Some(*pool) != inner),
        };
        found.ok_or_else(|| format!("there is no pool that is `{pool}` in {self:?}"))
    }

    /// The uplink that its rank prefers, for each host that has one.
    pub(super) fn preferred_uplinks(&self) -> Vec<(HostName, HostName)> {
        let members = self.members.values().flatten().copied();
        let up = |host: HostName| match self.centers.get(&host.pool) {
            Some(center) if *center == host => self.root.filter(|root| *root != host),
            center => center.copied(),
        };
        members.filter_map(|host| Some((host, up(host)?))).collect()
    }

    /// Whether a host is one of these, or of one of these pools. A place that nobody fills holds nobody.
    pub(super) fn is_in(&self, host: HostName, places: &[Place], named: &BTreeMap<String, HostName>) -> bool {
        let everybody = self.members.values().flatten().copied().collect();
        places.iter().any(|place| match place {
            Place::Pool(pool) => self.pool(*pool) == Ok(host.pool),
            Place::Host(who) => self.host(who, named, &everybody) == Ok(host),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picture() -> Picture {
        let star = |pool: &str, center: &str, standby: &str, members: [&str; 3]| {
            let members = members.map(|host| json!({"host": host}));
            json!({"pool": pool, "center": {"holder": center}, "standby": standby, "next": null, "drain": null,
                   "members": members})
        };
        let text = json!({
            "network": "blue", "resilience": "dual", "root": "p2/h1", "next_pool": null,
            "stars": [star("p1", "p1/h2", "p1/h1", ["p1/h1", "p1/h2", "p1/h3"]),
                      star("p2", "p2/h1", "p2/h3", ["p2/h1", "p2/h2", "p2/h3"])],
            "links": [{"from": "p1/h3", "to": "p1/h2", "state": "up"}, {"from": "p1/h2", "to": "p2/h1", "state": "down"}],
        });
        serde_json::from_value(text).unwrap()
    }

    fn hosts(names: &[&str]) -> BTreeSet<HostName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    const ALL: [&str; 6] = ["p1/h1", "p1/h2", "p1/h3", "p2/h1", "p2/h2", "p2/h3"];

    #[test]
    fn roles_are_found_in_the_pool_that_is_not_the_pool_center_unless_one_is_named() {
        let roles = Roles::of(&picture());
        let find = |who| roles.host(&who, &BTreeMap::new(), &hosts(&ALL)).unwrap().to_string();
        assert_eq!(find(Who::Root), "p2/h1");
        assert_eq!(find(Who::RootStandby), "p2/h3");
        assert_eq!(find(Who::Center(PoolWord::Outer)), "p1/h2");
        assert_eq!(find(Who::Leaf(PoolWord::Outer)), "p1/h3");
        assert_eq!(find(Who::Leaf(PoolWord::Inner)), "p2/h2");
        assert_eq!(find(Who::Standby(PoolWord::Number(1))), "p1/h1");
        assert_eq!(roles.pool(PoolWord::Inner), Ok(2));
    }

    #[test]
    fn leaves_prefer_their_star_center_and_that_the_root() {
        let uplinks = Roles::of(&picture()).preferred_uplinks();
        let words: Vec<String> = uplinks.iter().map(|(host, peer)| format!("{host}>{peer}")).collect();
        assert_eq!(words, ["p1/h1>p1/h2", "p1/h2>p2/h1", "p1/h3>p1/h2", "p2/h2>p2/h1", "p2/h3>p2/h1"]);
    }

    #[test]
    fn a_place_holds_its_hosts_and_no_other() {
        let roles = Roles::of(&picture());
        let places = [Place::Pool(PoolWord::Outer), Place::Host(Who::Root)];
        let is_in = |host: &str| roles.is_in(host.parse().unwrap(), &places, &BTreeMap::new());
        assert_eq!(ALL.map(is_in), [true, true, true, true, false, false]);
    }

    #[test]
    fn rest_wants_offices_filled_and_the_tunnels_of_the_living_up() {
        let living = hosts(&ALL);
        assert_eq!(picture().unsettled(&living, &living), Some("blue: p1/h2 - p2/h1 is down".into()));
        let without_root = hosts(&["p1/h1", "p1/h2", "p1/h3", "p2/h2", "p2/h3"]);
        let problem = picture().unsettled(&without_root, &without_root);
        assert_eq!(problem, Some("blue: p2 has no able star-center".into()));
        let mut up = picture();
        up.links[1].state = "up".into();
        assert_eq!(up.unsettled(&living, &living), None);
        up.stars[0].next = Some(json!({}));
        assert_eq!(up.unsettled(&living, &living), Some("blue: the star of p1 moves".into()));
    }
}
