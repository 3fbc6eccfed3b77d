//! A command behind the links. Where there is no root the one thing to see is that this is said plainly.
#![cfg(all(feature = "shell", target_os = "linux"))]

use oyster_emulator::{Direction, Event, Link, LinkConfig, QueueDiscipline, Shell, ShellError, Trace};
use std::ffi::OsString;
use std::time::Duration;

fn link(delay_ms: u64) -> Link<Vec<u8>> {
    let config = LinkConfig {
        one_way_delay: Duration::from_millis(delay_ms),
        queue: QueueDiscipline::Infinite,
        opportunity_bytes: 1504,
        record_events: true,
        ..LinkConfig::default()
    };
    Link::new(Trace::constant(12_000_000).expect("a good rate"), &config)
}

/// Starts a line of shell behind the links, or `None`, said aloud, where that is not permitted.
async fn start(line: &str) -> Option<Shell> {
    let arguments: Vec<OsString> = vec!["-c".into(), line.into()];
    match Shell::start("sh".into(), arguments, link(20), link(20)).await {
        Ok(shell) => Some(shell),
        Err(error @ ShellError::NotPermitted) => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// One test, because shells of one process share the outer device's name.
#[tokio::test]
async fn a_command_talks_through_the_links_and_its_end_is_ours() {
    let far = tokio::net::UdpSocket::bind(("0.0.0.0", 0)).await.expect("a socket");
    let port = far.local_addr().expect("it is bound").port();
    // bash can write to a UDP socket by itself, and read the answer.
    let line = format!(
        "exec bash -c 'exec 3<>/dev/udp/$MAHIMAHI_BASE/{port}; echo hello >&3; answer=$(head -n 1 <&3); [ \"$answer\" = well ] && exit 7'"
    );
    let Some(shell) = start(&line).await else { return };
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 100];
        let (length, from) = far.recv_from(&mut buffer).await.expect("a datagram");
        far.send_to(b"well\n", from).await.expect("the way back");
        buffer[..length].to_vec()
    });
    let mut departures = Vec::new();
    let status = shell
        .run(std::future::pending(), |direction, event| {
            if let Event::Departure { bytes, .. } = event {
                departures.push((direction, bytes));
            }
        })
        .await
        .expect("the devices work");
    assert_eq!(status.and_then(|status| status.code()), Some(7));
    assert_eq!(echo.await.expect("it does not panic"), b"hello\n");
    // 20 bytes of IPv4, 8 of UDP, 4 that mahimahi counts, and the words.
    assert_eq!(departures, [(Direction::Up, 32 + 6), (Direction::Down, 32 + 5)]);

    let shell = start("exec sleep 1000").await.expect("it was permitted before");
    let soon = tokio::time::sleep(Duration::from_millis(20));
    assert_eq!(shell.run(soon, |_, _| {}).await.expect("the devices work"), None, "it is killed when told to stop");

    let missing = Shell::start("/no/such/program".into(), Vec::new(), link(0), link(0)).await;
    assert!(matches!(missing, Err(ShellError::Command { .. })), "{missing:?}");
}
