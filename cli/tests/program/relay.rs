//! A relay between two sockets of this machine.

use std::net::UdpSocket;
use std::time::Duration;

use crate::shell::Folder;
use rustix::process::Signal;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

#[test]
fn datagrams_cross_both_ways_until_the_relay_is_ended() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = Folder::new("relay");
        folder.link(1);
        let (near, far) = (socket(), socket());
        let to = far.local_addr().unwrap().to_string();
        let arguments = "relay --listen 127.0.0.1:0 --up link.down --down link.down --delay-ms 5 --to";
        let mut relay = folder.start_oyster(&[&arguments.split(' ').collect::<Vec<_>>()[..], &[&to]].concat());
        let line = relay.line();
        let listens = line.strip_prefix("relaying ").unwrap().split(' ').next().unwrap();
        let mut buffer = [0; 100];
        near.send_to(b"ping", listens).unwrap();
        let (length, from) = far.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"ping");
        far.send_to(b"pong!", from).unwrap();
        let (length, from) = near.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.to_string().as_str()), (&b"pong!"[..], listens));
        relay.signal(signal);
        let run = relay.end().succeeds();
        assert!(run.words.contains("up: 1 packets came, 1 arrived, 0 lost, 0 dropped"), "{}", run.words);
        assert!(run.words.contains("down: 1 packets came, 1 arrived"), "{}", run.words);
    }
}

#[test]
fn everything_is_lost_on_a_link_that_loses_everything() {
    let folder = Folder::new("relay-loss");
    folder.link(1);
    let (near, far) = (socket(), socket());
    let to = far.local_addr().unwrap().to_string();
    let arguments = "relay --listen 127.0.0.1:0 --up link.down --down link.down --loss 1 --to";
    let mut relay = folder.start_oyster(&[&arguments.split(' ').collect::<Vec<_>>()[..], &[&to]].concat());
    let line = relay.line();
    let listens = line.strip_prefix("relaying ").unwrap().split(' ').next().unwrap();
    near.send_to(b"ping", listens).unwrap();
    relay.signal(Signal::TERM);
    let run = relay.end().succeeds();
    assert!(run.words.contains(" 0 arrived"), "{}", run.words);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let folder = Folder::new("relay-taken");
    folder.link(1);
    let taken = socket();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = "relay --to 127.0.0.1:9 --up link.down --down link.down --listen";
    let run = folder.oyster(&[&arguments.split(' ').collect::<Vec<_>>()[..], &[&address]].concat());
    run.fails(1, &[&address, "in use"]);
}
