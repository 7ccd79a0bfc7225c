//! The addresses that are never dialled, in every spelling.
//!
//! A VM reaches public and private addresses by its own network anyway. Through the proxy the VM must not reach
//! services of this computer and metadata services of clouds. The ranges are those of the IANA
//! special-purpose registries (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Denied {
    /// This computer itself.
    #[error("it is a loopback address")]
    Loopback,
    /// A neighbour on the link, or the metadata service of a cloud.
    #[error("it is a link-local or cloud metadata address")]
    LinkLocal,
    /// Multicast or broadcast.
    #[error("it is a multicast or broadcast address")]
    Multicast,
    /// Unused, or reserved for documentation and benchmarks.
    #[error("it is a reserved or unspecified address")]
    Reserved,
    /// A port that this proxy itself listens on.
    #[error("it is this proxy's own listener")]
    OwnListener,
    /// Another port of an address of this computer.
    #[error("it is an address of this computer itself (--allow-net would allow it)")]
    ThisComputer,
    /// A private network, where `--deny-private` is on.
    #[error("it is a private address")]
    Private,
}

/// The settings that decide which addresses may be dialled.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Networks that may be dialled although they are denied.
    pub allow: Vec<IpNet>,
    /// The addresses that this proxy listens on.
    pub own: Vec<SocketAddr>,
    /// Whether private networks are denied as well.
    pub deny_private: bool,
}

impl Reach {
    /// Judges the address that would be dialled. `listed` says that some secret may go to the
    /// destination: then it may be a private one.
    ///
    /// # Errors
    /// Why it must not be dialled.
    pub fn judge(&self, address: SocketAddr, listed: bool) -> Result<(), Denied> {
        let ip = address.ip();
        let inner = embedded(ip);
        let covered = |ip: IpAddr| self.allow.iter().any(|net| net.contains(&ip));
        if covered(ip) || inner.is_some_and(|ip| covered(ip.into())) {
            return Ok(());
        }
        if self.own.iter().any(|own| own.port() == address.port() && own.ip() == ip.to_canonical()) {
            return Err(Denied::OwnListener);
        }
        let deny_private = self.deny_private && !listed;
        denied(ip, deny_private)?;
        inner.map_or(Ok(()), |ip| denied(ip.into(), deny_private))
    }

    /// Judges an established connection. If both ends have the same address, it leads to this computer itself,
    /// to services that its firewall may hide from all others.
    ///
    /// # Errors
    /// The connection leads to this computer.
    pub fn judge_connected(&self, local: SocketAddr, peer: SocketAddr) -> Result<(), Denied> {
        let here = local.ip().to_canonical() == peer.ip().to_canonical();
        let covered = self.allow.iter().any(|net| net.contains(&peer.ip().to_canonical()));
        if !here || covered {
            return Ok(());
        }
        let ours = self.own.iter().any(|own| own.port() == peer.port());
        Err(if ours { Denied::OwnListener } else { Denied::ThisComputer })
    }
}

fn denied(ip: IpAddr, deny_private: bool) -> Result<(), Denied> {
    let (found, private) = match ip {
        IpAddr::V4(ip) => (denied_v4(ip), PRIVATE_V4.iter().any(|net| net.contains(&ip))),
        IpAddr::V6(ip) => (denied_v6(ip), UNIQUE_LOCAL.contains(&ip)),
    };
    match found {
        Some(denied) => Err(denied),
        None if deny_private && private => Err(Denied::Private),
        None => Ok(()),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(head[0], head[1], 0, 0, 0, 0, 0, 0), prefix)
}

const PRIVATE_V4: [Ipv4Net; 4] =
    [v4(10, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16), v4(100, 64, 0, 0, 10)];
const UNIQUE_LOCAL: Ipv6Net = v6([0xfc00, 0], 7);

const DENIED_V4: [(Ipv4Net, Denied); 14] = [
    (v4(127, 0, 0, 0, 8), Denied::Loopback),
    (v4(169, 254, 0, 0, 16), Denied::LinkLocal),
    (v4(168, 63, 129, 16, 32), Denied::LinkLocal), // Azure's metadata service
    (v4(100, 100, 100, 200, 32), Denied::LinkLocal), // Alibaba's metadata service
    (v4(224, 0, 0, 0, 4), Denied::Multicast),
    (v4(255, 255, 255, 255, 32), Denied::Multicast),
    (v4(0, 0, 0, 0, 8), Denied::Reserved),
    (v4(192, 0, 0, 0, 24), Denied::Reserved), // Oracle's metadata service is in it
    (v4(192, 0, 2, 0, 24), Denied::Reserved),
    (v4(192, 88, 99, 0, 24), Denied::Reserved),
    (v4(198, 18, 0, 0, 15), Denied::Reserved),
    (v4(198, 51, 100, 0, 24), Denied::Reserved),
    (v4(203, 0, 113, 0, 24), Denied::Reserved),
    (v4(240, 0, 0, 0, 4), Denied::Reserved),
];

fn denied_v4(ip: Ipv4Addr) -> Option<Denied> {
    DENIED_V4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, denied)| *denied)
}

/// Metadata services of clouds inside the unique local range: AWS and Google.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
const GLOBAL: Ipv6Net = v6([0x2000, 0], 3);
const DOCUMENTATION: [Ipv6Net; 2] = [v6([0x2001, 0xdb8], 32), v6([0x3fff, 0], 20)];

fn denied_v6(ip: Ipv6Addr) -> Option<Denied> {
    let link_local = v6([0xfe80, 0], 10).contains(&ip) || v6([0xfec0, 0], 10).contains(&ip);
    if ip == Ipv6Addr::LOCALHOST {
        Some(Denied::Loopback)
    } else if link_local || METADATA_V6.contains(&ip) {
        Some(Denied::LinkLocal)
    } else if ip.is_multicast() {
        Some(Denied::Multicast)
    } else if DOCUMENTATION.iter().any(|net| net.contains(&ip)) {
        Some(Denied::Reserved)
    } else if GLOBAL.contains(&ip) || UNIQUE_LOCAL.contains(&ip) || embedded(ip.into()).is_some() {
        None
    } else {
        Some(Denied::Reserved)
    }
}

/// The IPv4 address that an IPv6 address leads to: v4-mapped, v4-compatible, NAT64, 6to4, Teredo.
fn embedded(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let [head @ .., high, low] = ip.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match head {
        [0, 0, 0, 0, 0, 0] if high != 0 => v4(high, low),
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0, ..] => v4(!high, !low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(reach: &Reach, address: &str) -> Result<(), Denied> {
        reach.judge(SocketAddr::new(address.parse().expect("an address"), 443), false)
    }

    #[test]
    fn table_of_addresses() {
        let reach = Reach::default();
        let denied = [
            ("127.0.0.1", Denied::Loopback),
            ("127.9.9.9", Denied::Loopback),
            ("::1", Denied::Loopback),
            ("::ffff:127.0.0.1", Denied::Loopback),
            ("::127.0.0.1", Denied::Loopback),
            ("64:ff9b::7f00:1", Denied::Loopback),
            // Its users choose where the IPv4 address stands in it (RFC 8215).
            ("64:ff9b:1:7f00:0:100:808:808", Denied::Reserved),
            ("64:ff9b:1::7f00:1", Denied::Reserved),
            ("2002:7f00:1::", Denied::Loopback),
            ("2001:0:0:0:0:0:80ff:fffe", Denied::Loopback),
            ("::ffff:0:7f00:1", Denied::Loopback),
            ("169.254.169.254", Denied::LinkLocal),
            ("::ffff:169.254.169.254", Denied::LinkLocal),
            ("fe80::1", Denied::LinkLocal),
            ("fec0::1", Denied::LinkLocal),
            ("fd00:ec2::254", Denied::LinkLocal),
            ("168.63.129.16", Denied::LinkLocal),
            ("100.100.100.200", Denied::LinkLocal),
            ("224.0.0.1", Denied::Multicast),
            ("255.255.255.255", Denied::Multicast),
            ("ff02::1", Denied::Multicast),
            ("0.0.0.0", Denied::Reserved),
            ("0.1.2.3", Denied::Reserved),
            ("::", Denied::Reserved),
            ("192.0.0.192", Denied::Reserved),
            ("240.0.0.1", Denied::Reserved),
            ("198.18.0.1", Denied::Reserved),
            ("2001:db8::1", Denied::Reserved),
            ("100::1", Denied::Reserved),
            ("4000::1", Denied::Reserved),
        ];
        for (address, expected) in denied {
            assert_eq!(judge(&reach, address), Err(expected), "{address}");
        }
        for dialled in ["93.184.216.34", "10.0.0.1", "192.168.1.1", "100.64.0.1", "2606:4700::1", "fd12::1"] {
            assert_eq!(judge(&reach, dialled), Ok(()), "{dialled}");
        }
    }

    #[test]
    fn private_networks_are_denied_on_demand() {
        let reach = Reach { deny_private: true, ..Reach::default() };
        for private in ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"] {
            assert_eq!(judge(&reach, private), Err(Denied::Private), "{private}");
            let address = SocketAddr::new(private.parse().expect("an address"), 443);
            assert_eq!(reach.judge(address, true), Ok(()), "{private}, which a secret may go to");
        }
        assert_eq!(judge(&reach, "93.184.216.34"), Ok(()));
        let metadata = SocketAddr::new("169.254.169.254".parse().expect("an address"), 443);
        assert_eq!(reach.judge(metadata, true), Err(Denied::LinkLocal), "listed or not");
    }

    #[test]
    fn an_allowed_network_is_dialled_in_every_spelling() {
        let reach = Reach { allow: vec!["127.0.0.0/8".parse().expect("a net")], ..Reach::default() };
        assert_eq!(judge(&reach, "127.0.0.1"), Ok(()));
        assert_eq!(judge(&reach, "::ffff:127.0.0.1"), Ok(()));
        assert_eq!(judge(&reach, "::1"), Err(Denied::Loopback));
        assert_eq!(judge(&reach, "169.254.169.254"), Err(Denied::LinkLocal));
    }

    #[test]
    fn our_own_listener_is_not_a_destination() {
        let own = SocketAddr::new("192.168.5.2".parse().expect("an address"), 443);
        let reach = Reach { own: vec![own], ..Reach::default() };
        assert_eq!(judge(&reach, "192.168.5.2"), Err(Denied::OwnListener));
        assert_eq!(judge(&reach, "::ffff:192.168.5.2"), Err(Denied::OwnListener));
        let other = |port| SocketAddr::new("192.168.5.3".parse().expect("an address"), port);
        assert_eq!(reach.judge_connected(other(1), other(443)), Err(Denied::OwnListener));
        assert_eq!(reach.judge_connected(other(1), other(444)), Err(Denied::ThisComputer));
        assert_eq!(reach.judge_connected(own, other(443)), Ok(()));
        let allow = vec!["192.168.5.3/32".parse().expect("a net")];
        assert_eq!(Reach { allow, ..reach }.judge_connected(other(1), other(444)), Ok(()));
    }
}
