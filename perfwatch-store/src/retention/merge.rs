//! Merges frames at full resolution into downsampled ones.

use super::{Kept, STEP, whole_before};
use crate::{
    RetentionReport, StoreError,
    layout::{Place, Rollup, unseal},
    shelf::{Body, Change, Keeper, Shelf, TIMES},
};

/// Merges the oldest frames before a time, and says whether there were any.
///
/// An interval may be merged in several steps, and late frames join what is there already.
pub(super) async fn step(
    kept: &dyn Kept,
    frames: Shelf,
    interval_ms: i64,
    before_ms: i64,
    report: &mut RetentionReport,
) -> Result<bool, StoreError> {
    let mut keeper = kept.keeper().await?;
    let bodies = keeper.oldest(frames, TIMES.start..before_ms, STEP).await?;
    let Some(last) = bodies.last().map(|body| body.place.timestamp_ms) else { return Ok(false) };
    let mut change = Change::delete(frames, last);
    let mut damaged = Vec::new();
    let rollups = Shelf { interval_ms, ..frames };
    let start = |body: &Body| whole_before(body.place.timestamp_ms, interval_ms);
    for bucket in bodies.chunk_by(|a, b| start(a) == start(b)) {
        let Some(place) = bucket.first().map(|body| rollups.place(start(body))) else { continue };
        let (mut rollup, is_new) = known(&mut *keeper, place, &mut damaged).await?;
        merge(&mut rollup, bucket, &mut damaged);
        if rollup.times.is_empty() {
            continue;
        }
        change.put.push(Body { place, bytes: rollup.seal(place) });
        change.rollups += i64::from(is_new);
    }
    change.frames = -(bodies.len() as i64);
    report.deleted_frames += bodies.len() as u64;
    report.downsampled_frames += change.rollups.unsigned_abs();
    keeper.change(change).await?;
    kept.damaged(&damaged);
    Ok(true)
}

/// What an interval holds already, and whether that is nothing. What is damaged cannot be merged
/// with and is written over.
async fn known(
    keeper: &mut dyn Keeper,
    place: Place,
    damaged: &mut Vec<Place>,
) -> Result<(Rollup, bool), StoreError> {
    let shelf = Shelf { host: place.host, interval_ms: place.interval_ms };
    let time = place.timestamp_ms;
    let bodies = keeper.oldest(shelf, time..time + 1, 1).await?;
    let Some(body) = bodies.first() else { return Ok((Rollup::default(), true)) };
    let rollup = Rollup::unseal(place, &body.bytes).unwrap_or_else(|| {
        damaged.push(place);
        Rollup::default()
    });
    Ok((rollup, false))
}

fn merge(rollup: &mut Rollup, bodies: &[Body], damaged: &mut Vec<Place>) {
    for Body { place, bytes } in bodies {
        match unseal(*place, bytes) {
            // A frame that is in there already says nothing new.
            Some(payload) => drop(rollup.add_frame(place.timestamp_ms, payload)),
            None => damaged.push(*place),
        }
    }
}
