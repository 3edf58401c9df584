"""The frames of each attack, made with scapy. One function an attack; its name is the attacker's role.

Each takes the scene and gives the frames that are sent over and over while the attack runs, or, if it is one of
FLOODS, gives them one by one, as fast as they are taken, and then no more.

Of a flood scapy makes one frame, or one for each address: it takes longer to make a frame than the switch takes
to deny a hundred. What differs from frame to frame is then written into its octets.
"""

import random
import struct

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6MLQuery2, ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRedirectedHdr, ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import ARP, LLC, SNAP, STP, Dot1AD, Dot1Q, Dot3, Ether
from scapy.packet import Raw
from Scene import BROADCAST, FROM, TO, ZERO, Station, arp, datagram, octets, packet

SERVER, CLIENT = 67, 68
# Of the host, if it has one.
HOST_IPV6 = "fd00:1::1"

FLOOD_FRAMES_MAX = 1_000_000


def poison(scene, toward, posed):
    """ARP in the name of `posed`: request and reply, gratuitous and to one station."""
    return [
        arp(scene, BROADCAST, 1, posed.ip, ZERO, posed.ip),
        arp(scene, BROADCAST, 2, posed.ip, BROADCAST, posed.ip),
        arp(scene, toward.mac, 1, posed.ip, ZERO, toward.ip),
        arp(scene, toward.mac, 2, posed.ip, toward.mac, toward.ip),
    ]


def arp_poisoning_of_the_guest(scene):
    return poison(scene, scene.victim, scene.neighbour)


def arp_poisoning_of_the_host(scene):
    return poison(scene, scene.host, scene.victim)


def gateway_impersonation(scene):
    return poison(scene, scene.victim, scene.host)


def arp_for_a_third_party(scene):
    victim, neighbour, host = scene.victim, scene.neighbour, scene.host
    return [
        arp(scene, victim.mac, 2, host.ip, victim.mac, victim.ip, sha=neighbour.mac),
        arp(scene, host.mac, 2, victim.ip, host.mac, host.ip, sha=BROADCAST),
        arp(scene, BROADCAST, 1, neighbour.ip, ZERO, host.ip, sha=ZERO),
        arp(scene, BROADCAST, 1, scene.attacker.ip, ZERO, host.ip, sha=victim.mac),
    ]


def arp_reply_to_another(scene):
    victim, neighbour, attacker = scene.victim, scene.neighbour, scene.attacker
    return [
        arp(scene, victim.mac, 2, attacker.ip, neighbour.mac, victim.ip),
        arp(scene, scene.host.mac, 2, attacker.ip, victim.mac, scene.host.ip),
    ]


def theft_of_a_mac(scene):
    stolen, own, host = scene.victim.mac, scene.attacker.ip, scene.host
    return [
        datagram(scene, host, mac=stolen),
        datagram(scene, host, mac=stolen, source=scene.victim.ip),
        datagram(scene, Station("52:54:00:00:00:ee", "10.1.0.98"), mac=stolen),
        arp(scene, BROADCAST, 1, own, ZERO, own, source=stolen),
        arp(scene, host.mac, 1, scene.victim.ip, ZERO, host.ip, source=stolen),
    ]


def theft_of_a_mac_by_rarp(scene):
    stolen = octets(scene.victim.mac)
    announcement = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 3) + 2 * (stolen + bytes(4))
    return [Ether(dst=BROADCAST, src=scene.victim.mac, type=0x8035) / Raw(announcement)]


def theft_of_the_taps_mac(scene):
    host, victim = scene.host, scene.victim
    return [
        datagram(scene, victim, mac=host.mac, source=host.ip),
        datagram(scene, victim, mac=host.mac),
        arp(scene, victim.mac, 2, host.ip, victim.mac, victim.ip, source=host.mac),
        arp(scene, BROADCAST, 1, host.ip, ZERO, host.ip, source=host.mac),
    ]


def mac_flood(scene):
    """A million sources for frames that the victim would have to take: scapy's frame, the source written over."""
    frame = bytearray(bytes(datagram(scene, scene.victim)))
    for number in range(FLOOD_FRAMES_MAX):
        # Lowest bits of the first octet 10: locally administered, one station.
        struct.pack_into("!HI", frame, 6, 0x0A00, number)
        yield frame


def address_squatting(scene):
    """Fifteen addresses beside his own, then ever others."""
    frames = {last: bytes(datagram(scene, scene.victim, source=f"10.1.0.{last}")) for last in range(71, 236)}
    for number in range(FLOOD_FRAMES_MAX):
        last = 71 + number if number < 15 else 86 + number % 150
        yield frames[last]


def address_denial(scene):
    """Asks for fifteen addresses beside his own, as before their first use, then for ever others; of one station."""
    to = scene.victim.mac
    frames = {last: bytes(arp(scene, to, 1, "0.0.0.0", ZERO, f"10.1.0.{last}")) for last in range(71, 236)}
    for number in range(FLOOD_FRAMES_MAX):
        last = 71 + number if number < 15 else 86 + number % 150
        yield frames[last]


def dhcp_message(scene, kind, xid, chaddr, options=(), **fields):
    return BOOTP(chaddr=octets(chaddr) + bytes(10), xid=xid, **fields) / DHCP(
        options=[("message-type", kind), *options, "end"])


def rogue_dhcp_server(scene):
    victim, own = scene.victim, scene.attacker.ip
    everybody = Station(BROADCAST, "255.255.255.255")
    options = [("server_id", own), ("router", own), ("name_server", own), ("lease_time", 60)]

    def answer(kind, to, sport, dport):
        lease = dhcp_message(scene, kind, 1, victim.mac, options, op=2, yiaddr=victim.ip, siaddr=own)
        return packet(scene, to) / UDP(sport=sport, dport=dport) / lease

    return [
        answer("offer", everybody, SERVER, CLIENT),
        answer("ack", everybody, SERVER, CLIENT),
        answer("nak", victim, SERVER, CLIENT),
        answer("ack", victim, SERVER, FROM),
        answer("ack", victim, FROM, CLIENT),
        packet(scene, victim, flags="MF") / UDP(sport=SERVER, dport=CLIENT) / Raw(b"x" * 32),
    ]


def ask_dhcp(scene, message):
    everybody = Station(BROADCAST, "255.255.255.255")
    return packet(scene, everybody, source="0.0.0.0") / UDP(sport=CLIENT, dport=SERVER) / message


def dhcp_starvation(scene):
    chance = random.Random(1)
    frames = []
    for xid in range(64):
        chaddr = bytes([2, *chance.randbytes(5)]).hex(":")
        kind = ("discover", "request")[xid % 2]
        wanted = [("requested_addr", f"10.1.0.{100 + xid}"), ("server_id", scene.host.ip)]
        frames.append(ask_dhcp(scene, dhcp_message(scene, kind, xid, chaddr, wanted)))
    return frames


def dhcp_lease_theft(scene):
    own, victim = scene.attacker.mac, scene.victim
    identifier = (61, b"\x01" + octets(victim.mac))
    wanted = ("requested_addr", victim.ip)
    server = ("server_id", scene.host.ip)
    return [
        ask_dhcp(scene, dhcp_message(scene, "discover", 1, own, [identifier])),
        ask_dhcp(scene, dhcp_message(scene, "request", 2, own, [identifier, wanted, server])),
        ask_dhcp(scene, dhcp_message(scene, "release", 3, own, [server], ciaddr=victim.ip)),
        ask_dhcp(scene, dhcp_message(scene, "release", 4, own, [identifier, server], ciaddr=victim.ip)),
        ask_dhcp(scene, dhcp_message(scene, "decline", 5, own, [wanted, server])),
    ]


def dhcp_relay(scene):
    own = scene.attacker
    return [
        ask_dhcp(scene, dhcp_message(scene, "discover", 1, own.mac, giaddr=own.ip)),
        ask_dhcp(scene, dhcp_message(scene, "discover", 1, own.mac, [(82, b"\x01\x04port")])),
    ]


def advertisement(scene):
    return IPv6(src="fe80::66", dst="ff02::1", hlim=255), ICMPv6ND_RA(routerlifetime=1800) / \
        ICMPv6NDOptSrcLLAddr(lladdr=scene.attacker.mac) / \
        ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64)


def to_all_nodes(scene):
    return Ether(dst="33:33:00:00:00:01", src=scene.attacker.mac, type=0x86DD)


def ipv6_router_advertisement(scene):
    ether = to_all_nodes(scene)
    header, body = advertisement(scene)
    return [
        ether / header / body,
        ether / header / IPv6ExtHdrHopByHop() / body,
        ether / header / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / body,
        ether / header / IPv6ExtHdrFragment(m=0, offset=0) / body,
    ]


def ipv6_gateway_impersonation(scene):
    """Claims of the host's address, from one's own address and from it, and a packet from it."""
    ether = to_all_nodes(scene)
    claim = ICMPv6ND_NA(tgt=HOST_IPV6, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=scene.attacker.mac)
    return [
        ether / IPv6(src=source, dst="ff02::1", hlim=255) / claim for source in ("fe80::66", HOST_IPV6)
    ] + [ether / IPv6(src=HOST_IPV6, dst="ff02::1") / UDP(sport=FROM, dport=TO) / Raw(b"x" * 32)]


def ipv6_redirect(scene):
    inner = IPv6(src="fd00:1::a", dst="2001:db8::1")
    return [
        to_all_nodes(scene) / IPv6(src=source, dst="ff02::1", hlim=255)
        / ICMPv6ND_Redirect(tgt="fe80::66", dst="2001:db8::1") / ICMPv6NDOptRedirectedHdr(pkt=inner)
        for source in ("fe80::66", "fd00:1::66")
    ]


def ipv6_group_query(scene):
    """From an address below any router's; to the host's MAC alone, for other guests may be asked."""
    plain = Ether(dst=scene.host.mac, src=scene.attacker.mac, type=0x86DD) / IPv6(src="fe80::1", dst="ff02::1", hlim=1)
    alert = plain / IPv6ExtHdrHopByHop(options=[RouterAlert()])
    chains = (plain, alert, alert / IPv6ExtHdrDestOpt(), alert / IPv6ExtHdrFragment(m=0, offset=0))
    return [chain / ICMPv6MLQuery2() for chain in chains]


def inner_frames(scene):
    """What tags and LLC are to hide: type and payload of an ARP reply, a packet, an advertisement."""
    lie = arp(scene, BROADCAST, 2, scene.host.ip, BROADCAST, scene.host.ip)
    spoofed = datagram(scene, scene.victim, source="192.0.2.1")
    header, body = advertisement(scene)
    return [(0x0806, lie[ARP]), (0x0800, spoofed[IP]), (0x86DD, header / body)]


def snap_hiding(scene):
    frames = []
    for kind, payload in inner_frames(scene):
        inside = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=kind) / payload
        size = len(bytes(inside))
        for length in (size, 0, 1500, 0x05FF):
            for to in (BROADCAST, scene.victim.mac):
                frames.append(Dot3(dst=to, src=scene.attacker.mac, len=length) / inside)
    return frames


def vlan_hiding(scene):
    frames = []
    for kind, payload in inner_frames(scene):
        for to in (BROADCAST, scene.victim.mac):
            single = Ether(dst=to, src=scene.attacker.mac, type=0x8100)
            service = Ether(dst=to, src=scene.attacker.mac, type=0x88A8)
            frames += [
                single / Dot1Q(vlan=7, type=kind) / payload,
                single / Dot1Q(vlan=0, prio=6, type=kind) / payload,
                single / Dot1Q(vlan=0, type=0x8100) / Dot1Q(vlan=0, type=kind) / payload,
                service / Dot1AD(vlan=7, type=0x8100) / Dot1Q(vlan=1, type=kind) / payload,
            ]
    return frames


def tiny_fragments(scene):
    """RFC 1858 and 3128: flags or ports in a second fragment, or overwritten by one at offset 1."""
    frames = []
    for to in (scene.victim, scene.host):
        header = bytes(TCP(sport=FROM, dport=TO, flags="S"))
        frames += [
            packet(scene, to, id=1, flags="MF", proto=6) / Raw(header[:8]),
            packet(scene, to, id=1, frag=1, proto=6) / Raw(header[8:]),
            packet(scene, to, id=2, flags="MF", frag=1, proto=6) / Raw(header[8:16]),
            packet(scene, to, id=3, flags="MF", proto=17),
        ]
    return frames


def overflowing_fragments(scene):
    return [
        packet(scene, to, id=4, frag=8189, proto=proto) / Raw(b"x" * 64)
        for to in (scene.victim, scene.host) for proto in (1, 6, 17)
    ]


def source_routing(scene):
    """Loose and strict source route, record route, time stamp: RFC 791, 3.1."""
    way = bytes([10, 1, 0, 1])
    options = [bytes([kind, 7, 4]) + way + b"\0" for kind in (131, 137, 7)] + [bytes([68, 8, 5, 0]) + bytes(4)]
    return [
        packet(scene, to, options=[Raw(option)]) / UDP(sport=FROM, dport=TO) / Raw(b"x" * 8)
        for to in (scene.victim, scene.host) for option in options
    ]


def land(scene):
    to = scene.victim
    return [
        packet(scene, to, source=to.ip) / TCP(sport=TO, dport=TO, flags="S"),
        packet(scene, to, source=to.ip) / UDP(sport=TO, dport=TO) / Raw(b"x"),
        packet(scene, to, source=to.ip) / ICMP(type=8),
    ]


def spoofed_host(scene):
    """The last one is a land attack on the host."""
    victim, host = scene.victim, scene.host
    return [
        packet(scene, victim, source=host.ip) / TCP(sport=FROM, dport=TO, flags="R"),
        packet(scene, victim, source=host.ip) / ICMP(type=5, gw=scene.attacker.ip),
        packet(scene, host, source=host.ip) / TCP(sport=TO, dport=TO, flags="S"),
    ]


def spoofed_neighbour(scene):
    victim, host = scene.victim, scene.host
    return [
        packet(scene, host, source=victim.ip) / TCP(sport=FROM, dport=TO, flags="S"),
        packet(scene, victim, source=scene.neighbour.ip) / ICMP(type=8),
        packet(scene, Station(BROADCAST, "10.1.0.255"), source=victim.ip) / ICMP(type=8),
        packet(scene, host, source=victim.ip, flags="MF", id=5) / UDP(sport=FROM, dport=TO) / Raw(b"x" * 32),
        packet(scene, host, source=victim.ip, frag=100, id=5, proto=17) / Raw(b"x" * 32),
    ]


def spoofed_stranger(scene):
    sources = ("192.0.2.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "10.1.1.1", "255.255.255.255")
    return [datagram(scene, to, source=source) for to in (scene.victim, scene.host) for source in sources]


def spoofed_nobody(scene):
    return [datagram(scene, to, source=source)
            for to in (scene.victim, scene.host) for source in ("0.0.0.0", "10.1.0.0", "10.1.0.255")]


def icmp_redirect(scene):
    inner = bytes(IP(src=scene.victim.ip, dst="192.0.2.1") / UDP(sport=1, dport=2))
    return [
        packet(scene, scene.victim) / ICMP(type=5, code=code, gw=scene.attacker.ip) / Raw(inner)
        for code in (0, 1)
    ] + [packet(scene, Station(BROADCAST, "255.255.255.255")) / ICMP(type=9, code=0) / Raw(
        octets("01:02:07:08:0a:01") + b"\0\x42" + bytes(4))]


def unicast_in_broadcast(scene):
    return [datagram(scene, Station(mac, to.ip)) for to in (scene.victim, scene.host)
            for mac in (BROADCAST, "01:00:5e:00:00:01")]


def services_of_the_loopback(scene):
    return [datagram(scene, to, dst=address) for to in (scene.victim, scene.host)
            for address in ("127.0.0.1", "0.0.0.0", "240.0.0.1")]


def spanning_tree_takeover(scene):
    mac = scene.attacker.mac
    return [Dot3(dst="01:80:c2:00:00:00", src=mac) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP(
        rootid=0, rootmac=mac, bridgeid=0, bridgemac=mac)]


def group_as_source(scene):
    return [datagram(scene, scene.victim, mac=mac) for mac in (BROADCAST, "01:00:5e:00:00:fb", ZERO)]


def broadcast_storm(scene):
    frame = bytes(datagram(scene, Station(BROADCAST, "10.1.0.255")))
    for _ in range(FLOOD_FRAMES_MAX):
        yield frame


def arp_storm(scene):
    """Requests for an address that nobody has: whoever answered would use up a rate of his own."""
    frame = bytes(arp(scene, scene.victim.mac, 1, scene.attacker.ip, ZERO, "10.1.0.98"))
    for _ in range(FLOOD_FRAMES_MAX):
        yield frame


# How many frames have to be sent before the attack may end.
FLOODS = {
    mac_flood: FLOOD_FRAMES_MAX, address_squatting: 10_000, address_denial: 10_000, broadcast_storm: 10_000,
    arp_storm: 10_000,
}
