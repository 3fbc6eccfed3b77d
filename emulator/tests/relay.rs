//! The relay over the loopback interface. It runs in real time, so only what no machine's load can change is asserted:
//! nothing comes early, nothing below the limits is lost, and it ends when told to.
#![cfg(feature = "real-time")]

use oyster_emulator::{Link, LinkConfig, MAX_DATAGRAM_BYTES, QueueDiscipline, Relay, RelayFigures, Trace};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn link(bits_per_second: u64, delay_ms: u64, queue_packets: u64) -> Link<Vec<u8>> {
    let config = LinkConfig {
        one_way_delay: Duration::from_millis(delay_ms),
        queue: QueueDiscipline::drop_tail_packets(queue_packets),
        ..LinkConfig::default()
    };
    Link::new(Trace::constant(bits_per_second).expect("a good rate"), &config)
}

/// A far end, and a near one connected to a relay in between.
struct Loop {
    near: tokio::net::UdpSocket,
    far: tokio::net::UdpSocket,
    stop: oneshot::Sender<()>,
    relay: JoinHandle<std::io::Result<RelayFigures>>,
}

async fn start(up: Link<Vec<u8>>, down: Link<Vec<u8>>) -> Loop {
    let far = tokio::net::UdpSocket::bind(ANY_PORT).await.expect("a loopback socket");
    let to = far.local_addr().expect("it is bound");
    let relay = Relay::bind(ANY_PORT.into(), to, up, down).await.expect("loopback sockets");
    let near = tokio::net::UdpSocket::bind(ANY_PORT).await.expect("a loopback socket");
    near.connect(relay.local_addr().expect("it is bound")).await.expect("a local address");
    let (stop, stopped) = oneshot::channel();
    let relay = tokio::spawn(relay.run(async { stopped.await.unwrap_or_default() }));
    Loop { near, far, stop, relay }
}

async fn end(stop: oneshot::Sender<()>, relay: JoinHandle<std::io::Result<RelayFigures>>) -> RelayFigures {
    stop.send(()).expect("the relay is still running");
    relay.await.expect("the relay does not panic").expect("its sockets are fine")
}

#[tokio::test]
async fn datagrams_cross_and_answers_come_back_in_order_and_never_early() {
    let Loop { near, far, stop, relay } = start(link(12_000_000, 20, 256), link(12_000_000, 20, 256)).await;
    let sent = tokio::time::Instant::now();
    for number in 0..20_u8 {
        near.send(&[number; 1000]).await.expect("loopback sends");
    }
    let mut buffer = [0; 2000];
    for number in 0..20_u8 {
        let (length, relay_address) = far.recv_from(&mut buffer).await.expect("loopback receives");
        assert_eq!(&buffer[..length], &[number; 1000]);
        far.send_to(&buffer[..10], relay_address).await.expect("loopback sends");
    }
    for number in 0..20_u8 {
        let length = near.recv(&mut buffer).await.expect("loopback receives");
        assert_eq!(&buffer[..length], &[number; 10]);
    }
    // Twice 20 ms, and 20 × 1028 bytes at 1500 a millisecond.
    assert!(sent.elapsed() >= Duration::from_millis(40 + 13), "{:?}", sent.elapsed());
    let figures = end(stop, relay).await;
    assert_eq!((figures.up.delivered_packets, figures.up.delivered_bytes), (20, 20 * 1028));
    assert_eq!((figures.down.delivered_packets, figures.down.delivered_bytes), (20, 20 * 38));
    assert_eq!(figures.unsent_datagrams, 0);
}

#[tokio::test]
async fn a_full_queue_drops_and_an_oversized_datagram_is_thrown_away() {
    // Silent for a second, in which all are sent, and then fast.
    let trace = Trace::steps(&[(0, 1000), (12_000_000, 100_000)]).expect("good rates");
    let config = LinkConfig { queue: QueueDiscipline::drop_tail_packets(3), ..LinkConfig::default() };
    let Loop { near, far, stop, relay } = start(Link::new(trace, &config), link(12_000_000, 0, 3)).await;
    near.send(&[0; MAX_DATAGRAM_BYTES + 1]).await.expect("loopback sends");
    for number in 0..5 {
        near.send(&[number; 100]).await.expect("loopback sends");
    }
    let mut buffer = [0; 2000];
    for number in 0..3 {
        let length = far.recv(&mut buffer).await.expect("loopback receives");
        assert_eq!(&buffer[..length], &[number; 100]);
    }
    let figures = end(stop, relay).await;
    assert_eq!((figures.oversized_datagrams, figures.up.sent_packets, figures.up.dropped_packets), (1, 5, 2));
}

#[tokio::test]
async fn a_far_end_may_come_late() {
    let address: SocketAddr = {
        let closed = UdpSocket::bind(ANY_PORT).expect("a loopback socket");
        closed.local_addr().expect("it is bound")
    };
    let clean = || link(12_000_000, 0, 256);
    let relay = Relay::bind(ANY_PORT.into(), address, clean(), clean()).await.expect("loopback sockets");
    let near = tokio::net::UdpSocket::bind(ANY_PORT).await.expect("a loopback socket");
    near.connect(relay.local_addr().expect("it is bound")).await.expect("a local address");
    let (stop, stopped) = oneshot::channel();
    let relay = tokio::spawn(relay.run(async { stopped.await.unwrap_or_default() }));
    // Each of these comes back to the relay as a refusal.
    for _ in 0..5 {
        near.send(b"anyone?").await.expect("loopback sends");
        tokio::task::yield_now().await;
    }
    let far = tokio::net::UdpSocket::bind(address).await.expect("the port is still free");
    let mut buffer = [0; 100];
    let length = loop {
        near.send(b"anyone?").await.expect("loopback sends");
        if let Ok(received) = tokio::time::timeout(Duration::from_millis(20), far.recv(&mut buffer)).await {
            break received.expect("loopback receives");
        }
    };
    assert_eq!(&buffer[..length], b"anyone?");
    end(stop, relay).await;
}
