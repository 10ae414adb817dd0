//! Hosts whose newest frame is dated later than now: their clock was wrong, or still is.
//!
//! Such a frame would say for days or years that its host is well. What the host dated up to now
//! tells how it is.

use perfwatch_collect::VITALS;
use perfwatch_core::series::Pattern;
use perfwatch_store::{Store, StoreError};

use super::Host;
use crate::live::StoredFrame;

/// Clocks differ by so much.
pub(crate) const TOLERANCE_MS: i64 = 300_000;

/// So many hosts are looked at. Where there are more, this host's own clock is behind.
const MOST: usize = 16;

/// Takes what these hosts dated up to now for their newest. A host that has nothing of that kind
/// stays as it is.
pub(super) async fn look_back(
    store: &dyn Store,
    hosts: &mut [Host],
    patterns: &[Pattern],
    now_ms: i64,
) -> Result<(), StoreError> {
    let until_ms = now_ms + TOLERANCE_MS;
    let ahead = hosts.iter_mut().filter(|host| host.info.last_seen_ms >= until_ms);
    let ahead: Vec<&mut Host> = ahead.collect();
    if ahead.len() > MOST {
        return Ok(());
    }
    for host in ahead {
        let times = host.info.first_seen_ms..until_ms;
        if times.is_empty() {
            continue;
        }
        let frame = StoredFrame::newest_with(store, &host.info.name, times, patterns).await?;
        if let Some(frame) = frame {
            host.info.last_seen_ms = frame.timestamp_ms();
            host.vitals = VITALS.iter().map(|path| frame.value(path)).collect();
        }
    }
    Ok(())
}
