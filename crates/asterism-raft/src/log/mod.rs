//! The replicated log and the vote on a [`LogDisk`](crate::disk::LogDisk): what openraft asks of them, with the
//! promise that what is acknowledged survives a power cut, and that what was damaged is never taken for what was
//! written.

mod flusher;
mod raft;
mod record;
mod store;

pub use record::RecordError;
pub(crate) use record::encode_value;
pub use store::LogStore;
pub(crate) use store::read_value;
