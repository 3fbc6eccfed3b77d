//! Where this machine may be reached.

use std::net::{IpAddr, SocketAddr};

use webrtc_util::ifaces::ifaces;

/// The addresses to print in a ticket for a socket that listens at `listening`: that one, or where it listens everywhere those
/// of all interfaces that a peer on another machine can use; of a machine without any, its loopback.
pub(super) fn reachable(listening: SocketAddr) -> Vec<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return vec![listening];
    }
    // A machine whose interfaces cannot be listed is as one without.
    let all =
        ifaces().unwrap_or_default().into_iter().filter_map(|interface| interface.addr).map(|address| address.ip());
    useful(all, listening)
}

fn useful(all: impl Iterator<Item = IpAddr>, listening: SocketAddr) -> Vec<SocketAddr> {
    let heard = |ip: &IpAddr| ip.is_ipv4() || listening.is_ipv6();
    let mut found: Vec<IpAddr> = all.filter(heard).filter(|ip| reach(ip) > Reach::Neither).collect();
    found.sort_by_key(|ip| (std::cmp::Reverse(reach(ip)), *ip));
    found.dedup();
    if found.iter().any(|ip| reach(ip) > Reach::Machine) {
        found.retain(|ip| reach(ip) > Reach::Machine);
    }
    found.into_iter().map(|ip| SocketAddr::new(ip, listening.port())).collect()
}

/// From how far an address may be of use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Needs a scope, or is no address of a host.
    Neither,
    Machine,
    Network,
}

fn reach(ip: &IpAddr) -> Reach {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    match ip {
        _ if ip.is_loopback() => Reach::Machine,
        _ if link_local || ip.is_unspecified() || ip.is_multicast() => Reach::Neither,
        _ => Reach::Network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn useful_of(addresses: &[&str], listening: &str) -> Vec<String> {
        let all = addresses.iter().map(|address| address.parse().unwrap());
        useful(all, listening.parse().unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_that_others_can_use_are_named_once() {
        let all = ["127.0.0.1", "::1", "192.0.2.7", "192.0.2.7", "fe80::1", "169.254.3.4", "2001:db8::1"];
        assert_eq!(useful_of(&all, "[::]:70"), ["192.0.2.7:70", "[2001:db8::1]:70"]);
        assert_eq!(useful_of(&all, "0.0.0.0:70"), ["192.0.2.7:70"]);
    }

    #[test]
    fn a_machine_alone_names_its_loopback() {
        assert_eq!(useful_of(&["127.0.0.1", "fe80::1"], "0.0.0.0:9"), ["127.0.0.1:9"]);
    }

    #[test]
    fn where_one_address_is_listened_at_that_is_it() {
        let listening = "127.0.0.1:12".parse().unwrap();
        assert_eq!(reachable(listening), [listening]);
    }
}
