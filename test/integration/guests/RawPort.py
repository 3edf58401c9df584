"""A port of the switch that is no kernel: silent, loud, forging, or led by hand. The tests start it by its role.

    RawPort.py silent PATH              connects and never reads
    RawPort.py broadcast PATH           broadcasts frames of 1000 octets as fast as it can
    RawPort.py forge PATH COUNT         sends COUNT frames with random sources, prints "sent"
    RawPort.py stations PATH COUNT N    broadcasts a frame of each of COUNT stations, of which the first is
                                        52:54:00:00:00:N (hexadecimal) at 10.1.0.N (decimal), prints "sent"
    RawPort.py send PATH SOURCE TARGET  sends one frame
    RawPort.py join PATH OTHER          a link between two switches: what one sends, the other gets
    RawPort.py frames PATH              sends what it reads, prints what arrives: a frame a line, in hexadecimal

Frames carry UDP that the switch has no reason to deny, to a port on which nobody answers.
All roles but silent read what arrives meanwhile. At end of standard input broadcast, forge and
stations print, as JSON, how many frames they sent, how many they received for each destination, and how
many from each source.
"""

import json
import os
import random
import select
import socket
import struct
import sys

DISCARD = 9


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def frame_of(target, source, to_address, octet_count, from_address="10.1.0.99"):
    """A frame with a UDP packet, RFC 791 and RFC 768; no UDP checksum."""
    size = octet_count - 14
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, socket.IPPROTO_UDP, 0,
        socket.inet_aton(from_address), socket.inet_aton(to_address),
    )
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    header = header[:10] + struct.pack("!H", checksum) + header[12:]
    datagram = struct.pack("!HHHH", DISCARD, DISCARD, size - 20, 0) + bytes(size - 28)
    return target + source + b"\x08\x00" + header + datagram


def frames_of(role, words):
    """Yields the frames to send, in order."""
    if role == "broadcast":
        frame = frame_of(b"\xff" * 6, octets("52:54:00:00:00:bb"), "10.1.0.255", 1000)
        while True:
            yield frame
    if role == "stations":
        for n in range(int(words[1]), int(words[1]) + int(words[0])):
            source = octets(f"52:54:00:00:00:{n:02x}")
            yield frame_of(b"\xff" * 6, source, "10.1.0.255", 60, f"10.1.0.{n}")
    if role == "forge":
        chance = random.Random(1)
        template = frame_of(octets("52:54:00:00:00:ee"), bytes(6), "10.1.0.98", 60)
        for _ in range(int(words[0])):
            # Lowest bits of the first octet 10: locally administered, one station.
            source = bytes([chance.randrange(256) & 0xFC | 2]) + chance.randbytes(5)
            yield template[:6] + source + template[12:]


def connected(path):
    port = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    port.connect(path)
    return port


def join(one, other):
    print("joined", flush=True)
    while True:
        for port in select.select([one, other], [], [])[0]:
            frame = port.recv(65536)
            if not frame:
                return
            (other if port is one else one).send(frame)


def main():
    role, path, *words = sys.argv[1:]
    port = connected(path)
    if role == "join":
        join(port, connected(words[0]))
        return
    if role == "silent":
        sys.stdin.read()
        return
    if role == "send":
        # Of an address of its own: in secure mode one that another port uses is denied.
        port.send(frame_of(octets(words[1]), octets(words[0]), "10.1.0.97", 60, "10.1.0.98"))
        return

    if role == "frames":
        while True:
            for ready in select.select([port, sys.stdin.buffer.raw], [], [])[0]:
                if ready is port:
                    arrived = port.recv(65536)
                    if not arrived:
                        return
                    print(arrived.hex(), flush=True)
                else:
                    line = sys.stdin.buffer.raw.readline()
                    if not line:
                        return
                    port.send(bytes.fromhex(line.decode()))

    port.setblocking(False)
    received = {}
    sources = {}
    sent = 0

    def count(arrived):
        target = arrived[:6].hex(":")
        received[target] = received.get(target, 0) + 1
        source = arrived[6:12].hex(":")
        sources[source] = sources.get(source, 0) + 1

    frames = frames_of(role, words)
    frame = next(frames, None)
    while True:
        readable, writable, _ = select.select([port, sys.stdin], [port] if frame else [], [])
        if sys.stdin in readable and not os.read(0, 4096):
            break
        if port in readable:
            arrived = port.recv(65536)
            if not arrived:
                break
            count(arrived)
        if writable:
            try:
                while frame:
                    port.send(frame)
                    sent += 1
                    frame = next(frames, None)
                    if sent % 64 == 0:
                        break
            except BlockingIOError:
                pass
            if frame is None:
                print("sent", flush=True)
    # What was sent just before is still under way.
    for _ in range(10_000):
        if not select.select([port], [], [], 0.3)[0]:
            break
        arrived = port.recv(65536)
        if not arrived:
            break
        count(arrived)
    print(json.dumps({"sent": sent, "received": received, "sources": sources}), flush=True)


main()
