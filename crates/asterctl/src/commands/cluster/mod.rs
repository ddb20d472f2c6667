//! `asterctl cluster`

mod init;
mod settings;
mod status;

use clap::Subcommand;

pub use init::Init;
pub use settings::Settings;
pub use status::Status;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a cluster of replicas that run and belong to none yet
    Init(Init),
    /// Shows the replicas: who leads, how far each is, and whether their states agree
    Status(Status),
    /// Shows what is set for the whole cluster, or changes it
    Settings(Settings),
}
