//! No frame of one network comes to another.

use crate::sim::world::World;

impl World {
    /// # Errors
    /// Two networks are joined by a tunnel.
    pub fn networks_are_apart(&self) -> Result<(), String> {
        for (one, other) in self.fabric.links_in_use(true) {
            let (Some(near), Some(far)) = (self.fabric.ends.get(&one), self.fabric.ends.get(&other)) else {
                continue;
            };
            if near.network != far.network {
                let (from, to) = (&self.machines[one.0].label, &self.machines[other.0].label);
                return Err(format!("frames of {} on {from} come to {} on {to}", near.network, far.network));
            }
        }
        Ok(())
    }
}
