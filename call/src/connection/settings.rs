//! How QUIC and TLS are set for a call.

use std::any::Any;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use oyster_signalling::Fingerprint;
use quinn::congestion::{Controller, ControllerFactory};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustls::client::Resumption;
use rustls::version::TLS13;

use super::cryptography;
use super::identity::Identity;
use super::verify::{Anyone, Pinned};

/// What the answerer's end speaks.
pub(super) fn server(identity: &Identity, patience: Duration) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(cryptography());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Anyone { provider }))
        .with_single_cert(vec![identity.certificate.clone()], identity.clone_key())?;
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Every call has keys of its own, and proves anew who calls.
    tls.send_tls13_tickets = 0;
    let tls = QuicServerConfig::try_from(tls).map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(Arc::new(transport(patience)));
    config.max_incoming(MAX_INCOMING);
    Ok(config)
}

/// What the caller's end speaks with the identity it calls.
pub(super) fn client(
    identity: &Identity,
    expected: Fingerprint,
    patience: Duration,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(cryptography());
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { expected, provider }))
        .with_client_auth_cert(vec![identity.certificate.clone()], identity.clone_key())?;
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    tls.resumption = Resumption::disabled();
    let tls = QuicClientConfig::try_from(tls).map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport(patience)));
    Ok(config)
}

fn transport(patience: Duration) -> TransportConfig {
    let patience_ms = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    let mut transport = TransportConfig::default();
    transport
        .congestion_controller_factory(Arc::new(StandAside))
        // Bursts of ten packets would spoil the spacing that the receiver measures.
        .enable_segmentation_offload(false)
        // Our datagrams have one size from the first on, which every path carries.
        .mtu_discovery_config(None)
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .initial_rtt(FIRST_ROUND_TRIP)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(patience_ms))))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .send_window(u64::from(STREAM_WINDOW_BYTES));
    transport
}

/// A UDP socket at `address`, or at any address of this machine.
pub(super) fn socket(address: Option<SocketAddr>) -> io::Result<UdpSocket> {
    let socket = match address {
        Some(address) => UdpSocket::bind(address),
        // Of both families at once where there is IPv6.
        None => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).or_else(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))),
    }?;
    // The system gives as much of it as it allows.
    let _ = set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_BYTES);
    Ok(socket)
}

/// quinn's congestion control, which lets everything pass: what may be sent is ours to decide. A window over `u32::MAX` also
/// turns quinn's pacer off.
#[derive(Clone, Copy, Debug)]
struct StandAside;

impl Controller for StandAside {
    fn on_congestion_event(&mut self, _now: Instant, _sent: Instant, _is_persistent: bool, _lost_bytes: u64) {}

    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        u64::MAX / 2
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(*self)
    }

    fn initial_window(&self) -> u64 {
        self.window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl ControllerFactory for StandAside {
    fn build(self: Arc<Self>, _now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        Box::new(*self)
    }
}

const PROTOCOL: &[u8] = b"oyster/1";
/// A side without a camera is heard of this often, so that a silent path is told from a silent person within a second.
pub(super) const KEEP_ALIVE: Duration = Duration::from_millis(400);
/// Two large frames. Our sender paces: what waits here waits for the socket, and is late.
const DATAGRAM_BUFFER_BYTES: usize = 256 << 10;
/// A flood of junk at 100,000 packets a second fills the usual 208 KiB in a millisecond, and our own packets are lost among it.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// The stream carries a hundred bytes a second.
const STREAM_WINDOW_BYTES: u32 = 16 << 10;
/// Until it is measured: a lost first packet is sent again after three of these. quinn's default would be a second.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Handshakes begun and not yet looked at.
const MAX_INCOMING: usize = 16;
