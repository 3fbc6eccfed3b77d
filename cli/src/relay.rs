//! `oyster relay`: emulated links between two programs, in real time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_emulator::{Link, LinkConfig, Loss, QueueDiscipline, Relay};

use crate::files::read_trace;
use crate::values::probability;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where a peer dials
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// Where its datagrams go
    #[arg(long, value_name = "ADDR")]
    to: SocketAddr,
    /// The link towards --to, a mahimahi trace
    #[arg(long, value_name = "TRACE")]
    up: PathBuf,
    /// The link back
    #[arg(long, value_name = "TRACE")]
    down: PathBuf,
    /// One-way delay of either link
    #[arg(long, value_name = "MS", default_value = "20")]
    delay_ms: u64,
    /// Drop-tail queue of either link
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u64).range(1..))]
    queue_packets: u64,
    /// Random loss on either link, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability)]
    loss: f64,
    /// Decides which packets are lost
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let link = |path: &PathBuf, seed: u64| -> Result<Link<Vec<u8>>> {
        let config = LinkConfig {
            one_way_delay: Duration::from_millis(arguments.delay_ms),
            queue: QueueDiscipline::drop_tail_packets(arguments.queue_packets),
            loss: if arguments.loss > 0.0 { Loss::Random(arguments.loss) } else { Loss::None },
            seed,
            ..LinkConfig::default()
        };
        Ok(Link::new(read_trace(path)?, &config))
    };
    let (up, down) = (link(&arguments.up, arguments.seed)?, link(&arguments.down, arguments.seed + 1)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let relay = Relay::bind(arguments.listen, arguments.to, up, down)
            .await
            .with_context(|| format!("cannot relay from {} to {}", arguments.listen, arguments.to))?;
        eprintln!("relaying {} to {}; Ctrl-C ends it", relay.local_addr()?, arguments.to);
        relay.run(interrupted()).await.context("the relay's sockets failed")
    })?;
    for (name, link) in [("up", figures.up), ("down", figures.down)] {
        eprintln!(
            "{name}: {} packets came, {} arrived, {} lost, {} dropped",
            link.sent_packets, link.delivered_packets, link.lost_packets, link.dropped_packets
        );
    }
    Ok(())
}

/// Until SIGINT or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
