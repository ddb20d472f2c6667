//! A pool's XAPI objects: what shall be there, what differs, and the lane that has it done.
//!
//! The counterpart of [`mod@crate::target`], [`mod@crate::diff`] and a host's lane for a pool. The objects are a consequence of the
//! state: made again when they are missing, whatever the pool's database has forgotten, and taken away only when the state
//! knows that their network is gone. A pool that is silent, slow or wrong holds up nothing but its own objects.

mod difference;
mod lane;
mod target;

pub use difference::{Obstacle, PoolDifference, difference};
pub use lane::{PoolLane, PoolSession};
pub use target::pool_target;
