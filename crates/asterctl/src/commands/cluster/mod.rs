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
    Init(Init),
    Status(Status),
    Settings(Settings),
}
