"""A port of the switch that is no kernel: silent, loud or forging. The tests start it by its role.

    RawPort.py silent PATH              connects and never reads
    RawPort.py broadcast PATH           broadcasts 1000-octet frames as fast as they are taken
    RawPort.py forge PATH COUNT         sends COUNT frames with random sources, prints "sent"
    RawPort.py send PATH SOURCE TARGET  sends one frame

All but the first read what arrives meanwhile. At end of standard input broadcast and forge print,
as JSON, how many frames they sent and how many they received for each destination.
"""

import json
import os
import random
import select
import socket
import sys

BROADCAST = b"\xff" * 6
EXPERIMENTAL = b"\x88\xb5"  # IEEE 802.1: for local experiments; no kernel answers it


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def frames_of(role, words):
    """Yields the frames to send, in order."""
    if role == "broadcast":
        frame = BROADCAST + octets("52:54:00:00:00:bb") + EXPERIMENTAL + bytes(986)
        while True:
            yield frame
    if role == "forge":
        chance = random.Random(1)
        for _ in range(int(words[0])):
            # Lowest bits of the first octet 10: locally administered, one station.
            source = bytes([chance.randrange(256) & 0xFC | 2]) + chance.randbytes(5)
            yield octets("52:54:00:00:00:ee") + source + EXPERIMENTAL + bytes(46)


def main():
    role, path, *words = sys.argv[1:]
    port = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    port.connect(path)
    if role == "silent":
        sys.stdin.read()
        return
    if role == "send":
        port.send(octets(words[1]) + octets(words[0]) + EXPERIMENTAL + bytes(46))
        return

    port.setblocking(False)
    received = {}
    sent = 0

    def count(arrived):
        target = arrived[:6].hex(":")
        received[target] = received.get(target, 0) + 1

    frames = frames_of(role, words)
    frame = next(frames, None)
    while True:
        writers = [port] if frame else []
        readable, writable, _ = select.select([port, sys.stdin], writers, [])
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
    print(json.dumps({"sent": sent, "received": received}), flush=True)


main()
