//! The sign that everything long-lived waits for.

use tokio::sync::watch;

/// Tells when the daemon stops.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Gives the sign.
pub(crate) struct Stopper(watch::Sender<bool>);

/// A sign, and how to give it. Without its giver it counts as given.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Tells everybody, now and later.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for the sign.
    pub(crate) async fn given(&self) {
        let _ = self.0.clone().wait_for(|given| *given).await;
    }
}
