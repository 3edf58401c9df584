"""A guest for those who look at the page: it has a name, and does what it is told.

    PageGuest.py PATH NAME NUMBER    connects as a process of that name (15 octets at most), prints "connected"

Lines on standard input, each in place of the one before:

    quiet                     sends nothing
    flood RATE                so many frames a second to everybody: UDP of its own address
    talk NUMBER RATE OCTETS   the same to another of these guests
    forge RATE                so many ARP replies a second in the name of the host, 10.1.0.1

Reads what arrives. Ends with its standard input.
"""
import os
import select
import socket
import struct
import sys
import time

EVERYBODY = b"\xff" * 6


def mac_of(number):
    return bytes([0x52, 0x54, 0, 0, 0, number])


def ip_of(number):
    return bytes([10, 1, 0, 10 + number])


def udp(target, source, to, origin, octets):
    size = max(octets, 60) - 14
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, socket.IPPROTO_UDP, 0, origin, to)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    header = header[:10] + struct.pack("!H", checksum) + header[12:]
    return target + source + b"\x08\x00" + header + struct.pack("!HHHH", 9, 9, size - 20, 0) + bytes(size - 28)


def arp_reply(source, origin):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + source + origin + EVERYBODY + bytes([10, 1, 0, 255])
    return EVERYBODY + source + b"\x08\x06" + body + bytes(18)


def order(words, own):
    """What a line asks for: frames a second, and which."""
    if words[0] == "flood":
        return int(words[1]), udp(EVERYBODY, mac_of(own), bytes([10, 1, 0, 255]), ip_of(own), 200)
    if words[0] == "talk":
        other = int(words[1])
        return int(words[2]), udp(mac_of(other), mac_of(own), ip_of(other), ip_of(own), int(words[3]))
    if words[0] == "forge":
        return int(words[1]), arp_reply(mac_of(own), bytes([10, 1, 0, 1]))
    return 0, b""


def main():
    path, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)
    port = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    port.connect(path)
    port.setblocking(False)
    print("connected", flush=True)
    rate, frame, owed, last = 0, b"", 0.0, time.monotonic()
    while True:
        readable, _, _ = select.select([port, sys.stdin], [], [], 0.01 if rate else 1)
        if sys.stdin in readable:
            line = os.read(0, 4096)
            if not line:
                return
            rate, frame = order(line.decode().split("\n")[-2].split(), number)
            owed = 0.0
        if port in readable:
            try:
                while port.recv(65536):
                    pass
                return
            except BlockingIOError:
                pass
        now = time.monotonic()
        owed = min(owed + (now - last) * rate, rate / 4)
        last = now
        try:
            while owed >= 1:
                port.send(frame)
                owed -= 1
        except BlockingIOError:
            owed = 0.0


main()
