//! `perfwatch store password`: a new one for who lost theirs.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use perfwatch_store::{
    Accounts, Opened, PASSWORD_LENGTH, SqliteStore, StoreError, hash_password, random_password,
};

use crate::{
    args::StorePasswordArgs, failure::Failure, history_file::Target, screen::Screen, text,
};

pub(super) async fn run(args: &StorePasswordArgs, screen: &mut Screen) -> Result<()> {
    let Opened { store, accounts } = open(args.target()?).await?;
    let changed = change(args, &*accounts, screen).await;
    store.close().await;
    changed
}

async fn open(target: Target) -> Result<Opened> {
    match target {
        // Opening would make it.
        Target::File(path) if !path.exists() => {
            Err(anyhow!("there is no {}: name the file of the daemon", path.display()))
        }
        Target::File(path) => {
            let store = Arc::new(SqliteStore::open(&path).await?);
            Ok(Opened { accounts: Arc::clone(&store) as Arc<dyn Accounts>, store })
        }
        Target::Server(url) => Ok(perfwatch_store::open(&url).await?),
    }
}

async fn change(
    args: &StorePasswordArgs,
    accounts: &dyn Accounts,
    screen: &mut Screen,
) -> Result<()> {
    let name = &args.user;
    // Before anybody types one in vain.
    let user = accounts.user(name).await?;
    user.ok_or_else(|| StoreError::NoSuchUser { name: name.clone() })?;
    let password = if args.random { random_password() } else { ask(name)? };
    let hash = hash_password(&password);
    let hash = hash.map_err(|error| anyhow!("cannot hash the password: {error}"))?;
    accounts.change_password(name, &hash).await?;
    if args.random {
        screen.write(&format!("{password}\n"))?;
    }
    let name = text::escape(name);
    tell(&format!("{name} has a new password; who was logged in as {name} no longer is\n"))
}

/// A password from the terminal, unseen and twice, or the first line of another input.
fn ask(name: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return fitting(line()?);
    }
    let first = fitting(unseen(&format!("New password of {}: ", text::escape(name)))?)?;
    if unseen("Once more: ")? != first {
        let reason = "these are two different passwords; nothing was changed";
        return Err(Failure::Usage(reason.to_owned()).into());
    }
    Ok(first)
}

fn fitting(password: String) -> Result<String> {
    if PASSWORD_LENGTH.contains(&password.chars().count()) {
        return Ok(password);
    }
    let (least, most) = PASSWORD_LENGTH.into_inner();
    Err(Failure::Usage(format!("a password has {least} to {most} characters")).into())
}

/// What is typed to a question, without showing it.
fn unseen(question: &str) -> Result<String> {
    let silence = Silence::begin().context("cannot hide what is typed")?;
    tell(question)?;
    let answer = line();
    drop(silence);
    // Return was not shown either.
    tell("\n")?;
    answer
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn tell(text: &str) -> Result<()> {
    io::stderr().write_all(text.as_bytes()).context("cannot write to standard error")
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        // What was typed ahead was seen already.
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that went away shows nothing anyway.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
