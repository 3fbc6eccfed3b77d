//! `oyster relay`: emulated links between two programs, in real time.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_emulator::{Link, LinkConfig, QueueDiscipline, Relay};

use crate::files::read_trace;
use crate::signals::Signals;
use crate::values::{delay_ms, loss, probability, queue_packets};
use crate::words;

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
    up: std::path::PathBuf,
    /// The link back
    #[arg(long, value_name = "TRACE")]
    down: std::path::PathBuf,
    /// One-way delay of either link
    #[arg(long, value_name = "MS", default_value = "20", value_parser = delay_ms, allow_negative_numbers = true)]
    delay_ms: Duration,
    /// Drop-tail queue of either link
    #[arg(long, value_name = "N", default_value = "256", value_parser = queue_packets, allow_negative_numbers = true)]
    queue_packets: u64,
    /// Random loss on either link, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    loss: f64,
    /// Decides which packets are lost
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let up = link(arguments, &arguments.up, arguments.seed)?;
    let down = link(arguments, &arguments.down, arguments.seed.wrapping_add(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let signals = Signals::catch().context("signals cannot be caught")?;
        let relay = Relay::bind(arguments.listen, arguments.to, up, down)
            .await
            .with_context(|| format!("cannot relay from {} to {}", arguments.listen, arguments.to))?;
        words::tell(&format!("relaying {} to {}; Ctrl-C ends it\n", relay.local_addr()?, arguments.to));
        relay.run(signals.either()).await.context("the relay's sockets failed")
    })?;
    for (name, link) in [("up", figures.up), ("down", figures.down)] {
        words::tell(&format!(
            "{name}: {} packets came, {} arrived, {} lost, {} dropped\n",
            link.sent_packets, link.delivered_packets, link.lost_packets, link.dropped_packets
        ));
    }
    Ok(())
}

fn link(arguments: &Arguments, trace: &Path, seed: u64) -> Result<Link<Vec<u8>>> {
    let config = LinkConfig {
        one_way_delay: arguments.delay_ms,
        queue: QueueDiscipline::drop_tail_packets(arguments.queue_packets),
        loss: loss(arguments.loss),
        seed,
        ..LinkConfig::default()
    };
    Ok(Link::new(read_trace(trace)?, &config))
}
