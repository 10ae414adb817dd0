//! Who writes: two machines with one name are told apart by their ids.

use std::sync::Arc;

use sqlx::PgConnection;

use super::{PostgresStore, append::add_host, link::WRITE};
use crate::{HostIdentity, StoreError};

impl PostgresStore {
    pub(super) async fn register_host(&self, host: &HostIdentity) -> Result<Arc<str>, StoreError> {
        self.link.open()?;
        let distinct: Arc<str> = host.distinct_name().into();
        for name in [Arc::clone(&host.name), Arc::clone(&distinct)] {
            if self.claim(&name, host).await? {
                return Ok(name);
            }
        }
        // The same name and the same first digits: nothing tells these machines apart but this.
        let whole: Arc<str> = format!("{}-{}", host.name, host.id).into();
        self.claim(&whole, host).await?;
        Ok(whole)
    }

    /// Takes a name unless another machine has it; says whether it is this one's now.
    async fn claim(&self, name: &str, host: &HostIdentity) -> Result<bool, StoreError> {
        self.link
            .within(WRITE, async {
                let mut writer = self.link.writer().await?;
                let explain = self.link.explain();
                // The row is there but for the first time: nobody waits for the turn to add one.
                let mut is_own = take(&mut writer, name, host).await.map_err(&explain)?;
                if !is_own {
                    add_host(&mut writer, name).await.map_err(&explain)?;
                    is_own = take(&mut writer, name, host).await.map_err(&explain)?;
                }
                writer.keep();
                Ok(is_own)
            })
            .await
    }
}

/// Writes a machine down for a name that nobody has, or this machine itself.
async fn take(
    connection: &mut PgConnection,
    name: &str,
    host: &HostIdentity,
) -> Result<bool, sqlx::Error> {
    let update = "UPDATE hosts SET machine_id = $2, interval_ms = $3, version = $4 \
        WHERE name = $1 AND coalesce(machine_id, $2) = $2";
    let query = sqlx::query(update).bind(name).bind(&*host.id);
    let query = query.bind(i64::try_from(host.interval_ms).unwrap_or(i64::MAX));
    let done = query.bind(&*host.version).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}
