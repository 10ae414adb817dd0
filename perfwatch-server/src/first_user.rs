//! The first user: made at the first start, or as soon as the store is there.

use std::{io, sync::Arc, time::Duration};

use perfwatch_store::{Accounts, StoreError, hash_password, random_password};
use tokio::time::{sleep, timeout};

use crate::{config::AuthConfig, secret::Secret, start_error::StartError};

/// The name of the first user.
const ADMIN: &str = "admin";

/// For so long the start waits for a store that says nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// For so long nobody waits for it but this.
const LATER: Duration = Duration::from_secs(8);

/// How often a store that was away is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Shows a password to whoever started the daemon.
pub(crate) type Show = Box<dyn Fn(&Secret) -> io::Result<()> + Send + Sync>;

/// What is known of the first user.
pub(crate) enum FirstUser {
    /// There is one.
    Present,
    /// There is none; this password is to be shown, and the user made then.
    Missing(Secret),
    /// The store is away.
    Unknown,
}

impl FirstUser {
    /// Looks whether there is a user; makes one if there is a configured password.
    ///
    /// # Errors
    /// [`StartError`] if the store is there and fails.
    pub(crate) async fn find(
        accounts: &dyn Accounts,
        config: &AuthConfig,
    ) -> Result<Self, StartError> {
        match look(accounts, config, PATIENCE).await {
            Err(StartError::Store(error)) if is_away(&error) => {
                tracing::warn!(%error, "the store is away: live goes on, logins wait for it");
                Ok(Self::Unknown)
            }
            found => found,
        }
    }

    /// The password that must be shown before the user is made.
    pub(crate) fn password(&self) -> Option<&Secret> {
        match self {
            Self::Missing(password) => Some(password),
            Self::Present | Self::Unknown => None,
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Makes the user whose password was shown; without one there is nothing to do.
    ///
    /// # Errors
    /// [`StartError`] if the password cannot be hashed or stored; it is kept for another try.
    pub(crate) async fn make(&mut self, accounts: &dyn Accounts) -> Result<(), StartError> {
        if let Self::Missing(password) = self {
            make_user(accounts, password).await?;
            *self = Self::Present;
        }
        Ok(())
    }

    /// Asks the store until it answers, and then does what the start could not.
    pub(crate) async fn make_later(
        accounts: Arc<dyn Accounts>,
        config: AuthConfig,
        show: Option<Show>,
    ) {
        let mut found = Self::Unknown;
        loop {
            sleep(AGAIN).await;
            if found.is_unknown() {
                match look(accounts.as_ref(), &config, LATER).await {
                    Ok(now) => found = now,
                    Err(error) => tracing::debug!(%error, "the store is still away"),
                }
                if let (Some(password), Some(show)) = (found.password(), &show)
                    && let Err(error) = show(password)
                {
                    tracing::warn!(%error, "the first password could not be shown");
                    return;
                }
            }
            if found.password().is_some() && show.is_none() {
                return tracing::warn!("nobody can log in: no first password was shown");
            }
            match found.make(accounts.as_ref()).await {
                Ok(()) if !found.is_unknown() => return,
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "the first user cannot be made yet"),
            }
        }
    }
}

async fn look(
    accounts: &dyn Accounts,
    config: &AuthConfig,
    patience: Duration,
) -> Result<FirstUser, StartError> {
    let count = timeout(patience, accounts.user_count()).await;
    let count = count.map_err(|_| StoreError::no_answer(patience))??;
    if count > 0 {
        if config.admin_password.is_some() {
            tracing::info!(
                "PERFWATCH_ADMIN_PASSWORD is unused: there is a user already; \
                 a lost password is replaced with `perfwatch store password`"
            );
        }
        return Ok(FirstUser::Present);
    }
    let Some(password) = &config.admin_password else {
        return Ok(FirstUser::Missing(Secret::new(random_password())));
    };
    make_user(accounts, password).await?;
    Ok(FirstUser::Present)
}

/// Whether the store may be there later, without anybody doing anything here.
fn is_away(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. } | StoreError::Throttled { .. } | StoreError::Full { .. }
    )
}

async fn make_user(accounts: &dyn Accounts, password: &Secret) -> Result<(), StartError> {
    let hash = hash_password(password.expose()).map_err(StartError::Password)?;
    match accounts.create_user(ADMIN, &hash).await {
        Ok(_) => Ok(()),
        Err(StoreError::UserExists { .. }) => {
            tracing::warn!("another daemon made the first user; the password is the one it said");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
