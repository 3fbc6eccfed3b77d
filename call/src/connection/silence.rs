//! How long nothing was heard from the other end, and what the caller does about it.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint};
use tokio::time::{Instant, sleep};

use super::settings::{KEEP_ALIVE, socket};

/// Watches for any sign of life: the other end gives one at least every [`KEEP_ALIVE`].
#[derive(Debug)]
pub(crate) struct Silence {
    connection: Connection,
    heard: u64,
    since: Instant,
}

impl Silence {
    pub(super) fn of(connection: &Connection) -> Self {
        let connection = connection.clone();
        Self { heard: connection.stats().udp_rx.datagrams, connection, since: Instant::now() }
    }

    /// How long it has lasted, to be asked a few times a second.
    pub(crate) fn poll(&mut self) -> Duration {
        let heard = self.connection.stats().udp_rx.datagrams;
        if heard != std::mem::replace(&mut self.heard, heard) {
            self.since = Instant::now();
        }
        self.since.elapsed()
    }

    /// Until it has lasted for so long.
    pub(super) async fn lasts(&mut self, patience: Duration) {
        while self.poll() < patience {
            sleep(LOOK).await;
        }
    }
}

/// Whether nothing is heard in the time from now on.
pub(super) async fn is_silent(connection: &Connection, patience: Duration) -> bool {
    let heard = connection.stats().udp_rx.datagrams;
    sleep(patience).await;
    heard == connection.stats().udp_rx.datagrams
}

/// The caller's watch over its path: when nothing is heard for a while it goes on from a new socket, which a network that has
/// forgotten the old one, or one that was left for another, takes for a change of address. QUIC then proves the new path.
pub(super) async fn keep_reachable(endpoint: Arc<Endpoint>, connection: Connection) {
    let mut silence = Silence::of(&connection);
    let mut patience = REBIND_AFTER;
    loop {
        tokio::select! {
            _ = connection.closed() => return,
            () = sleep(LOOK) => {}
        }
        let silent = silence.poll();
        if silent < REBIND_AFTER {
            patience = REBIND_AFTER;
        } else if silent >= patience {
            // A machine that has no socket to give now may have one a moment later.
            let _ = socket(None).and_then(|socket| endpoint.rebind(socket));
            patience += patience.min(REBIND_EVERY);
        }
    }
}

const LOOK: Duration = KEEP_ALIVE.checked_div(4).expect("four is not zero");
/// A keep-alive that is half its interval late: a call is to be back within a second of a change of networks, and a new socket that
/// was not needed costs a round trip's proof.
const REBIND_AFTER: Duration = Duration::from_millis(600);
/// A path that stays silent is tried from new sockets at 0.6, 1.2, 2.4, 4.4, 6.4 s and so on: the network that is to carry the call
/// may appear at any time, and a call that is back is to be seen soon.
const REBIND_EVERY: Duration = Duration::from_secs(2);
