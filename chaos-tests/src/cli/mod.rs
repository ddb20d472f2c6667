//! The command line: which seeds, how many at a time, what is told.

mod batch;
mod protocol;
mod self_test;
mod sim;

pub use protocol::{ProtocolArguments, protocol};
pub use self_test::{SelfTestArguments, self_test};
pub use sim::{SimArguments, sim};
