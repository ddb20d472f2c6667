//! Who is in the middle of a network that somebody else made: read off its tunnels.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{Host, HostId, PoolId, Shape};

/// The middle of a star, or of a star of stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Middle {
    pub root: HostId,
    pub shape: Shape,
    /// One for each pool that has hosts; the root is one of them.
    pub centers: BTreeMap<PoolId, HostId>,
}

/// Why there is no middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stars {
    /// There are no hosts.
    Empty,
    /// These links form none.
    None(Vec<(HostId, HostId)>),
}

/// The middle of what joins these hosts. `tunnels` are ends: from a host to a peer; a link needs both, and one end alone
/// carries nothing. Where several hosts would do, it is the preferred one, else the first.
pub(super) fn middle(
    hosts: &[&Host],
    tunnels: &BTreeSet<(HostId, HostId)>,
    preferred: Option<HostId>,
) -> Result<Middle, Stars> {
    let links: Vec<(HostId, HostId)> = tunnels
        .iter()
        .filter(|(one, other)| one < other && tunnels.contains(&(*other, *one)))
        .copied()
        .collect();
    let pools: BTreeMap<PoolId, Vec<HostId>> = hosts.iter().fold(BTreeMap::new(), |mut pools, host| {
        pools.entry(host.pool).or_insert_with(Vec::new).push(host.id);
        pools
    });
    let all: Vec<HostId> = hosts.iter().map(|host| host.id).collect();
    let pool_of = |host: HostId| hosts.iter().find(|it| it.id == host).map(|it| it.pool);
    let Some(root) = center(&all, &links, preferred) else {
        if all.is_empty() {
            return Err(Stars::Empty);
        }
        return star_of_stars(&pools, &links, preferred).ok_or(Stars::None(links));
    };
    let own_pool = pool_of(root);
    let others = pools.iter().filter(|(pool, _)| Some(**pool) != own_pool);
    // With one host in each other pool there is no difference.
    let shape = if others.clone().any(|(_, hosts)| hosts.len() > 1) { Shape::OneStar } else { Shape::Stars };
    let joined = |host: &&HostId| links.iter().any(|(one, other)| one == *host || other == *host);
    let mut centers: BTreeMap<PoolId, HostId> = others
        .filter_map(|(pool, hosts)| Some((*pool, *hosts.iter().find(joined).or_else(|| hosts.first())?)))
        .collect();
    centers.extend(own_pool.map(|pool| (pool, root)));
    Ok(Middle { root, shape, centers })
}

/// The host that is an end of all of these links.
fn center(hosts: &[HostId], links: &[(HostId, HostId)], preferred: Option<HostId>) -> Option<HostId> {
    let is_in_all = |host: &&HostId| links.iter().all(|(one, other)| one == *host || other == *host);
    let mut able = hosts.iter().filter(is_in_all);
    let wanted = able.clone().find(|host| Some(**host) == preferred);
    wanted.or_else(|| able.next()).copied()
}

/// A star in each pool, whose centers form a star.
fn star_of_stars(
    pools: &BTreeMap<PoolId, Vec<HostId>>,
    links: &[(HostId, HostId)],
    preferred: Option<HostId>,
) -> Option<Middle> {
    let pool_of = |host: HostId| pools.iter().find(|(_, hosts)| hosts.contains(&host)).map(|(pool, _)| *pool);
    let (within, between): (Vec<_>, Vec<_>) =
        links.iter().copied().partition(|(one, other)| pool_of(*one) == pool_of(*other));
    let mut centers = BTreeMap::new();
    for (pool, hosts) in pools {
        let own: Vec<_> = within.iter().copied().filter(|(one, _)| pool_of(*one) == Some(*pool)).collect();
        // Of two hosts that are joined, the one that leads out of the pool.
        let leads_out = hosts.iter().copied().find(|host| {
            let is_end = between.iter().any(|(one, other)| one == host || other == host);
            is_end && own.iter().all(|(one, other)| one == host || other == host)
        });
        centers.insert(*pool, leads_out.or_else(|| center(hosts, &own, preferred))?);
    }
    let heads: Vec<HostId> = centers.values().copied().collect();
    let is_head = |host: HostId| heads.contains(&host);
    let root = center(&heads, &between, preferred)?;
    between.iter().all(|(one, other)| is_head(*one) && is_head(*other)).then_some(Middle {
        root,
        shape: Shape::Stars,
        centers,
    })
}
