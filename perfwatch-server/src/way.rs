//! The way from the sampler to the store, over the disk where the store is away.

use std::{path::Path, sync::Arc};

use perfwatch_store::{BatchMetricsWriter, HostIdentity, Spool, Store, StoreError, WriterOptions};

use crate::config::StoreConfig;

/// The writer, and what is wrong with its spool.
pub(crate) struct Way {
    pub(crate) writer: Arc<BatchMetricsWriter>,
    /// Why there is no spool where there should be one, or what in it cannot be read.
    trouble: Option<String>,
}

impl Way {
    /// Starts the writer, with what an earlier process left in the spool.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has the spool. One that cannot be opened for
    /// another reason is done without: live and history are worth more.
    pub(crate) fn open(
        config: &StoreConfig,
        store: Arc<dyn Store>,
        identity: HostIdentity,
    ) -> Result<Self, StoreError> {
        let options = WriterOptions { identity: Some(identity), ..WriterOptions::default() };
        let spool = config.spool().map(|path| open_spool(&path, config.spool_max_bytes));
        let (writer, trouble) = match spool {
            Some(Ok(spool)) => {
                let left_out = spool.left_out();
                (BatchMetricsWriter::spawn_with_spool(store, options, spool), left_out)
            }
            Some(Err(error @ StoreError::Locked { .. })) => return Err(error),
            Some(Err(error)) => {
                tracing::warn!(%error, "frames wait in memory only while the store is away");
                (BatchMetricsWriter::spawn(store, options), Some(error.to_string()))
            }
            None => (BatchMetricsWriter::spawn(store, options), None),
        };
        Ok(Self { writer: Arc::new(writer), trouble })
    }

    /// Why frames do not wait on disk where they should, or which of them cannot be read there.
    pub(crate) fn spool_trouble(&self) -> Option<String> {
        self.writer.spool_trouble().or_else(|| self.trouble.clone())
    }
}

fn open_spool(path: &Path, most_bytes: u64) -> Result<Spool, StoreError> {
    let spool = Spool::open(path, most_bytes)?;
    if spool.waiting() > 0 {
        let (frames, path) = (spool.waiting(), path.display());
        tracing::info!(frames, %path, "frames of an earlier start wait for the store");
    }
    Ok(spool)
}
