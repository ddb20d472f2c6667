//! What must be true of a world, one promise a file. Each oracle keeps its own memory, and believes nothing that the code
//! under test says of itself.

pub mod acknowledged;
pub mod convergence;
pub mod digests;
pub mod epochs;
pub mod exactly_once;
pub mod fences;
pub mod foreign;
pub mod isolation;
pub mod loops;
pub mod orders;
pub mod rows;

/// Those that remember something.
#[derive(Default)]
pub struct Oracles {
    pub acknowledged: acknowledged::Acknowledged,
    pub digests: digests::Digests,
    pub epochs: epochs::Epochs,
    pub exactly_once: exactly_once::ExactlyOnce,
    pub fences: fences::Fences,
    pub orders: orders::Orders,
    pub rows: rows::Rows,
}
