//! `perfwatch store`: what is in the file that history is kept in.
//!
//! Everything but the words is in `perfwatch-store`.

mod export;
mod import;
mod info;
mod output;
mod password;
mod progress;
mod verify;

use anyhow::Result;

use crate::{args::StoreCommand, screen::Screen};

pub(crate) fn run(command: &StoreCommand, screen: &mut Screen) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            StoreCommand::Info(args) => info::run(args, screen).await,
            StoreCommand::Export(args) => export::run(args).await,
            StoreCommand::Import(args) => import::run(args).await,
            StoreCommand::Password(args) => password::run(args, screen).await,
            StoreCommand::Verify(args) => verify::run(args, screen).await,
        }
    })
}
