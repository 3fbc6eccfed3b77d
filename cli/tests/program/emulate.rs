//! A command behind two links. That takes root: elsewhere the one thing to see is that this is said in a line.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use crate::shell::{Folder, Run};

/// Whether a command can run behind links here; where not, that was said as it should be.
fn permitted(folder: &Folder) -> bool {
    folder.link(1);
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("skipped: ip (of iproute2) is not installed");
        return false;
    }
    let run = folder.oyster(&["emulate", "link.down", "link.down", "--", "true"]);
    if run.status == Some(0) {
        return true;
    }
    eprintln!("skipped: {}", run.words);
    run.fails(1, &["not permitted", "root"]);
    false
}

#[test]
fn a_command_talks_through_the_links_and_mahimahis_logs_tell_of_it() {
    let folder = Folder::new("emulate");
    if !permitted(&folder) {
        return;
    }
    let far = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    far.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let port = far.local_addr().unwrap().port();
    // bash can write to a UDP socket by itself, and read the answer.
    let line = format!("exec 3<>/dev/udp/$MAHIMAHI_BASE/{port}; echo hello >&3; head -n 1 <&3; exit 7");
    let call = "emulate link.down link.down --delay-ms 30 --uplink-queue=droptail --uplink-queue-args=packets=9 \
                --uplink-log up.log --downlink-log down.log -- bash -c";
    let call: Vec<&str> = call.split_whitespace().chain([line.as_str()]).collect();
    let shell = folder.start_oyster(&call);
    let mut buffer = [0; 100];
    let (length, from) = far.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"hello\n");
    far.send_to(b"well\n", from).unwrap();
    let run: Run = shell.end();
    assert_eq!(
        (run.status, run.output.as_str()),
        (Some(7), "well\n"),
        "the command's words and status are ours: {run:?}"
    );
    let log = folder.text("up.log");
    assert!(log.starts_with("# mahimahi mm-link (Uplink) [link.down] > up.log\n# command line: '"), "{log}");
    assert!(log.contains("# queue: droptail [packets=9]\n"), "{log}");
    // 20 bytes of IPv4, 8 of UDP, 4 that mahimahi counts, and the words.
    assert!(log.contains(" + 38\n") && log.contains(" - 38 1\n") && log.contains(" # 1504\n"), "{log}");
    let log = folder.text("down.log");
    assert!(log.contains("(Downlink)") && log.contains("# queue: infinite\n") && log.contains(" - 37 1\n"), "{log}");
}

#[test]
fn the_end_of_the_trace_ends_the_command_with_once() {
    let folder = Folder::new("emulate-once");
    if !permitted(&folder) {
        return;
    }
    folder.write("short.up", "100\n200\n");
    folder.oyster(&["emulate", "short.up", "link.down", "--once", "--", "sleep", "1000"]).succeeds();
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let folder = Folder::new("emulate-missing");
    if !permitted(&folder) {
        return;
    }
    folder.oyster(&["emulate", "link.down", "link.down", "--", "/no/such/program"]).fails(1, &["/no/such/program"]);
}
