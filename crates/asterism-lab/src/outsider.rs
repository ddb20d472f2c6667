//! A machine on the transport network that is no host: it sends encapsulated frames with the right VNI from a foreign address.

use std::net::{Ipv4Addr, UdpSocket};

use crate::address::OUTSIDER;
use crate::error::{LabError, Result};
use crate::fabric::{Fabric, Underlay};
use crate::netns::Netns;

/// UDP port of VXLAN (RFC 7348 section 5).
const VXLAN_PORT: u16 = 4789;

/// The outsider; its address is [`OUTSIDER`].
#[derive(Debug)]
pub struct Outsider {
    netns: Netns,
}

impl Outsider {
    /// # Errors
    /// When its namespace or cable cannot be made.
    pub fn build(fabric: &Fabric) -> Result<Self> {
        let netns = Netns::create("outsider")?;
        fabric.attach(&netns, Underlay::Transport, "eth0", OUTSIDER)?;
        Ok(Self { netns })
    }

    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Sends `frame` in VXLAN with `vni` to a host's transport address, `count` times.
    ///
    /// # Errors
    /// When it cannot be sent at all.
    pub fn send_vxlan(&self, to: Ipv4Addr, vni: u32, frame: &[u8], count: usize) -> Result<()> {
        send_vxlan_from(&self.netns, OUTSIDER, to, vni, frame, count)
    }
}

/// Sends `frame` in VXLAN from a namespace and one of its addresses, `count` times.
///
/// # Errors
/// When it cannot be sent at all.
pub fn send_vxlan_from(
    netns: &Netns,
    from: Ipv4Addr,
    to: Ipv4Addr,
    vni: u32,
    frame: &[u8],
    count: usize,
) -> Result<()> {
    let packet = vxlan_packet(vni, frame);
    netns
        .enter(|| {
            let socket = UdpSocket::bind((from, 0))?;
            (0..count).try_for_each(|_| socket.send_to(&packet, (to, VXLAN_PORT)).map(drop))
        })
        .and_then(|sent| sent)
        .map_err(|source| LabError::io(format!("sending VXLAN to {to}"), source))
}

/// RFC 7348 section 5: flags with the I bit, 24 bits reserved, 24 bits of VNI, 8 bits reserved, the frame.
fn vxlan_packet(vni: u32, frame: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x08, 0, 0, 0];
    packet.extend_from_slice(&(vni << 8).to_be_bytes());
    packet.extend_from_slice(frame);
    packet
}

/// An Ethernet frame with IPv4 and UDP to everybody: what a listener in a VM would surely see, were it let through.
pub fn broadcast_frame(from: Ipv4Addr, to: Ipv4Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    let udp_len = u16::try_from(8 + payload.len()).expect("payloads of tests are short");
    let mut ip = vec![0x45, 0];
    ip.extend_from_slice(&(20 + udp_len).to_be_bytes());
    ip.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0]);
    ip.extend_from_slice(&from.octets());
    ip.extend_from_slice(&to.octets());
    let checksum = internet_checksum(&ip);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = vec![0xff; 6];
    frame.extend_from_slice(&[0x02, 0xba, 0xd0, 0, 0, 1]);
    frame.extend_from_slice(&[0x08, 0x00]);
    frame.extend_from_slice(&ip);
    frame.extend_from_slice(&port.to_be_bytes());
    frame.extend_from_slice(&port.to_be_bytes());
    frame.extend_from_slice(&udp_len.to_be_bytes());
    frame.extend_from_slice(&[0, 0]); // no checksum: allowed over IPv4 (RFC 768)
    frame.extend_from_slice(payload);
    frame
}

/// RFC 1071, over an even number of bytes.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let words = bytes.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vni_stands_in_bytes_four_to_six() {
        assert_eq!(vxlan_packet(0x01_02_03, b"x"), [8, 0, 0, 0, 1, 2, 3, 0, b'x']);
    }

    #[test]
    fn the_header_checksum_verifies() {
        let frame = broadcast_frame(Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::BROADCAST, 7402, b"odd");
        assert_eq!(internet_checksum(&frame[14..34]), 0);
    }
}
