"""A guest's network card that looks at what it gets: carries frames between a tap of this namespace and a switch.

    TapPort.py TAP PATH

Prints "ready" once it is connected. At end of standard input it prints, as JSON, how many frames came from the
switch and were handed to it, how many of those that came were TCP and UDP, how many were longer than the tap's 1500
octets allow, and in how many a length or a checksum of IP, TCP or UDP was wrong.
"""

import array
import fcntl
import json
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
FRAME_MAX = 1514


def total(octets):
    """The folded sum of RFC 1071, 0xffff where a checksum is included and right."""
    if len(octets) % 2:
        octets += b"\0"
    value = sum(array.array("H", octets))
    while value > 0xFFFF:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def is_wrong(packet, version):
    """Whether an IP packet is longer or shorter than it says, or has a sum that does not come out."""
    if version == 4:
        start = (packet[0] & 15) * 4
        length = struct.unpack_from("!H", packet, 2)[0]
        protocol = packet[9]
        addresses = packet[12:20]
        if total(packet[:start]) != 0xFFFF:
            return True
    else:
        start = 40
        length = 40 + struct.unpack_from("!H", packet, 4)[0]
        protocol = packet[6]
        addresses = packet[8:40]
    if length > len(packet):
        return True
    body = packet[start:length]
    if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return False
    if protocol == socket.IPPROTO_UDP and body[6:8] == b"\0\0":
        # No checksum at all: the host makes one.
        return True
    return total(addresses + struct.pack("!HH", protocol, len(body)) + body) != 0xFFFF


def note(seen, frame):
    kind = frame[12:14]
    seen["frames"] += 1
    seen["long"] += len(frame) > FRAME_MAX
    if kind in (b"\x08\x00", b"\x86\xdd"):
        version = 4 if kind == b"\x08\x00" else 6
        protocol = frame[23 if version == 4 else 20]
        seen["tcp"] += protocol == socket.IPPROTO_TCP
        seen["udp"] += protocol == socket.IPPROTO_UDP
        seen["wrong"] += is_wrong(frame[14:], version)


def main():
    name, path = sys.argv[1:]
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    switch = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    switch.connect(path)
    print("ready", flush=True)
    seen = dict.fromkeys(["frames", "sent", "tcp", "udp", "long", "wrong"], 0)
    while True:
        readable, _, _ = select.select([sys.stdin, switch, tap], [], [])
        if sys.stdin in readable and not os.read(0, 4096):
            break
        if switch in readable:
            frame = switch.recv(65536)
            if not frame:
                break
            note(seen, frame)
            try:
                os.write(tap, frame)
            except OSError:
                # An interface that is down takes nothing.
                pass
        if tap in readable:
            switch.send(os.read(tap, 65536))
            seen["sent"] += 1
    print(json.dumps(seen), flush=True)


main()
