//! Chooses the VNI of a network that asked for none.

use std::collections::BTreeSet;

use asterism_model::{NetworkId, Vni};

/// The VNI that a network gets: the number of its id, or the next free one.
///
/// Ids are never given out twice, so that a VNI comes up again only after millions of networks: a host that was
/// unreachable while a network was deleted still holds its tunnels, and must not find another network under its VNI.
pub fn allocate(network: NetworkId, taken: &BTreeSet<Vni>) -> Option<Vni> {
    let width = Vni::MAX.get();
    let start = network.0.saturating_sub(1) % width;
    (0..width).filter_map(|step| Vni::new((start + step) % width + 1)).find(|vni| !taken.contains(vni))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vni(number: u32) -> Vni {
        Vni::new(number).unwrap()
    }

    #[test]
    fn the_vni_is_the_ids_number_unless_taken() {
        assert_eq!(allocate(NetworkId(7), &BTreeSet::new()), Some(vni(7)));
        assert_eq!(allocate(NetworkId(7), &BTreeSet::from([vni(7), vni(8)])), Some(vni(9)));
    }

    #[test]
    fn numbers_wrap_around_and_never_become_zero() {
        let last = Vni::MAX.get();
        assert_eq!(allocate(NetworkId(last), &BTreeSet::new()), Some(Vni::MAX));
        assert_eq!(allocate(NetworkId(last), &BTreeSet::from([Vni::MAX])), Some(vni(1)));
        assert_eq!(allocate(NetworkId(last + 1), &BTreeSet::new()), Some(vni(1)));
    }
}
