//! What every handler can reach.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use perfwatch_collect::HostFacts;
use perfwatch_core::Table;
use perfwatch_store::{Accounts, HostIdentity, Store};

use crate::{
    auth::{Passwords, Sessions, Throttle},
    cleanup::Cleanup,
    config::Config,
    counts::Requests,
    gate::Gate,
    hosts::Hosts,
    identity::KeptName,
    live::{Hub, Others},
    outage::Outage,
    stop::Stop,
    way::Way,
};

/// The daemon's state, made once at the start.
pub(crate) struct App {
    /// What the daemon was told.
    pub(crate) config: Config,
    /// What host this is.
    pub(crate) facts: HostFacts,
    /// Who this host is to a store that others write too.
    pub(crate) identity: HostIdentity,
    /// The name that this host's history is kept under.
    pub(crate) host: Arc<KeptName>,
    /// All hosts of the store.
    pub(crate) hosts: Hosts,
    /// The tables of all collectors, in order.
    pub(crate) tables: Vec<&'static Table>,
    /// History.
    pub(crate) store: Arc<dyn Store>,
    /// Users, their ended sessions, and the archive policy.
    pub(crate) accounts: Arc<dyn Accounts>,
    /// Between the sampler and the store.
    pub(crate) way: Way,
    /// Who is logged in.
    pub(crate) sessions: Sessions,
    /// Hashes and compares passwords.
    pub(crate) passwords: Passwords,
    /// How often somebody may try to log in.
    pub(crate) throttle: Throttle,
    /// The newest readings.
    pub(crate) live: Arc<Hub>,
    /// Those who watch other hosts.
    pub(crate) others: Others,
    /// Few questions to the store at once.
    pub(crate) queries: Gate,
    /// Retention, one run at a time.
    pub(crate) cleanup: Cleanup,
    /// This interface, described for programs; made when somebody asks.
    pub(crate) description: LazyLock<Bytes>,
    /// Answered requests.
    pub(crate) requests: Requests,
    /// Requests that the store left without an answer.
    pub(crate) outage: Outage,
    /// Tells when the daemon stops.
    pub(crate) stop: Stop,
}

/// The state as handlers hold it.
pub(crate) type Shared = Arc<App>;
