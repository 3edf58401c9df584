"""Two guests, and the host behind the tap if there is one, that send each other numbered frames.

    NumberedGuests.py PATH [TAP]   connects, learns, prints "ready"; then each flow has a frame a millisecond

Flows are guest 1 to guest 2, and with a tap guest 1 to the host and the host to guest 2. On standard input:

    mark    prints the longest time in ms between two frames of the first flow, since the last mark
    end     stops sending, waits until nothing comes any more, and prints as JSON what each flow has
            sent, received, twice, out of order; ends
"""
import json
import select
import socket
import struct
import sys
import time

TYPE = b"\x88\xb5"
TYPE_NUMBER = 0x88B5
ONE, TWO = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
PERIOD = 0.001
QUIET = 0.5


class Flow:
    """Frames from one end to another."""

    def __init__(self, mark, source, target, source_address, target_address):
        self.mark, self.source, self.target = mark, source, target
        self.head = target_address + source_address + TYPE + mark
        self.sent = 0
        self.received = []
        self.last = time.monotonic()
        self.longest = 0.0

    def send(self):
        try:
            self.source.send(self.head + struct.pack("!I", self.sent) + bytes(41))
            self.sent += 1
        except (BlockingIOError, OSError) as error:
            # Full: it was not sent, and the same number follows later.
            if getattr(error, "errno", 11) not in (11, 105):
                raise

    def take(self, frame):
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.received.append(struct.unpack("!I", frame[15:19])[0])

    def report(self):
        return {
            "sent": self.sent,
            "received": len(self.received),
            "twice": len(self.received) - len(set(self.received)),
            "unordered": sum(1 for a, b in zip(self.received, self.received[1:]) if b <= a),
        }


def connect(path):
    guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guest.connect(path)
    guest.setblocking(False)
    return guest


def run():
    path = sys.argv[1]
    one, two = connect(path), connect(path)
    flows = [Flow(b"a", one, two, ONE, TWO)]
    if len(sys.argv) > 2:
        host = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TYPE_NUMBER))
        host.bind((sys.argv[2], TYPE_NUMBER))
        host.setblocking(False)
        address = host.getsockname()[4]
        flows += [Flow(b"b", one, host, ONE, address), Flow(b"c", host, two, address, TWO)]
    # Each is learned before it is sent to.
    for guest, source in ((one, ONE), (two, TWO)):
        guest.send(b"\xff" * 6 + source + TYPE + bytes(46))
    ends = {flow.target for flow in flows}
    by_mark = {flow.mark: flow for flow in flows}
    time.sleep(0.3)
    print("ready", flush=True)
    for flow in flows:
        flow.last = time.monotonic()
    sending, heard, next_at = True, time.monotonic(), time.monotonic()
    while sending or time.monotonic() < heard + QUIET:
        readable, _, _ = select.select([*ends, sys.stdin], [], [], max(0, min(PERIOD, next_at - time.monotonic())))
        for end in ends:
            while True:
                try:
                    frame = end.recv(2048)
                except BlockingIOError:
                    break
                if not frame:
                    print("closed", flush=True)
                    return
                flow = by_mark.get(frame[14:15])
                # A packet socket also sees what it sends itself.
                if flow is not None and flow.target is end and frame[:6] == flow.head[:6]:
                    flow.take(frame)
                    heard = time.monotonic()
        if sending and sys.stdin in readable:
            word = sys.stdin.readline().strip()
            if word == "mark":
                print(f"silence {flows[0].longest * 1000:.1f}", flush=True)
                flows[0].longest = 0.0
            else:
                sending = False
        if sending and time.monotonic() >= next_at:
            next_at += PERIOD
            for flow in flows:
                flow.send()
    print(json.dumps([flow.report() for flow in flows]), flush=True)


def main():
    try:
        run()
    except (BrokenPipeError, ConnectionResetError):
        # The switch ended, and a send found out before a receive did.
        print("closed", flush=True)


main()
