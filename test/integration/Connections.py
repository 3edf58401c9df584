"""Connects to a switch many times: `cycle N` one after the other, `hold N` all at once until standard input ends.

Each cycle sends one frame, so that the port is used and not only opened; "done" is printed in the end. What holds
prints "connected". By the first line on standard input the switch has taken or refused all: what came of it is printed.
"""
import socket
import sys

path, what, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
frame = bytes.fromhex("ffffffffffff02000000000188b5") + bytes(46)


def connect():
    guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guest.connect(path)
    return guest


if what == "cycle":
    for _ in range(count):
        with connect() as guest:
            guest.send(frame)
    print("done", flush=True)
else:
    guests = [connect() for _ in range(count)]
    print("connected", flush=True)
    sys.stdin.readline()
    # A refused connection was accepted and closed: its end is readable at once.
    refused = 0
    for guest in guests:
        try:
            if guest.recv(2048, socket.MSG_DONTWAIT) == b"":
                refused += 1
        except BlockingIOError:
            pass
    print(f"held {count - refused} refused {refused}", flush=True)
    sys.stdin.read()
