"""Who is there when an attack is carried out, and the shells of frames that go from one to another."""

from dataclasses import dataclass

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

BROADCAST = "ff:ff:ff:ff:ff:ff"
ZERO = "00:00:00:00:00:00"
# Ports on which nobody serves: what is heard there is the attacker's.
FROM, TO = 6666, 7


@dataclass(frozen=True)
class Station:
    mac: str
    ip: str


@dataclass(frozen=True)
class Scene:
    """Who is there. All but the first are honest."""

    attacker: Station
    victim: Station
    neighbour: Station
    host: Station


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def arp(scene, to, op, spa, tha, tpa, sha=None, source=None):
    source = source or scene.attacker.mac
    return Ether(dst=to, src=source, type=0x0806) / ARP(
        op=op, hwsrc=sha or source, psrc=spa, hwdst=tha, pdst=tpa)


def packet(scene, to, source=None, mac=None, **fields):
    """An Ethernet frame for a station, with an IPv4 header from wherever it is said to come."""
    fields.setdefault("dst", to.ip)
    return Ether(dst=to.mac, src=mac or scene.attacker.mac, type=0x0800) / IP(
        src=source or scene.attacker.ip, **fields)


def datagram(scene, to, **fields):
    return packet(scene, to, **fields) / UDP(sport=FROM, dport=TO) / Raw(b"x" * 32)
