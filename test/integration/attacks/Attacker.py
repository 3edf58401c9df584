"""A guest that attacks: connects to the switch's socket and plays the role it is told to.

    Attacker.py SOCKET MAC IP VICTIM_IP NEIGHBOUR_IP HOST_IP

Reads commands, one a line, and answers each with a line of JSON:

    attack ROLE FILE    connects, looks who is there, greets all, begins ROLE; answers when it is under way
    stop                ends ROLE when all kinds of its frames have been sent, a flood when it has been long enough,
                        greets all again, writes what it sent and heard to FILE; answers with a report
    close               closes the connection

The roles are the functions of Forgeries.py. Frames of an attack end in `attack-ROLE.`, behind all that their
headers count; the two greetings, which are honest, contain `hello-ROLE.` and `bye-ROLE.`.
"""

import json
import os
import select
import socket
import sys
import time

import Forgeries
from Recording import Recording
from Scene import BROADCAST, ZERO, Scene, Station, arp, packet
from scapy.layers.inet import UDP
from scapy.packet import Raw

# Below the rates of ARP and of new addresses: what is denied is denied for what it is.
PAUSE_SECONDS = 0.02
# Should nobody say stop.
FRAMES_MAX = 3000
# So many at once before the flooder looks at what came.
BURST = 256
REPLY_SECONDS = 3
# After a storm the bye has to wait for its turn, too.
CALM_SECONDS = 0.05


class Attack:
    """One role over one connection."""

    def __init__(self, path, me, others, role):
        self.role = role
        self.me = me
        self.recording = Recording()
        self.sent = self.recorded = self.overheard = 0
        self.known = {}
        self.port = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.port.connect(path)
        self.scene = Scene(me, *(Station(self.find(ip), ip) for ip in others))
        self.greet("hello")

    def send(self, frame):
        self.port.send(frame)
        return self.recording.keep("attacker", frame)

    def hear(self, seconds=0.0):
        """Takes what has arrived; waits for the first frame at most so long."""
        while select.select([self.port], [], [], seconds)[0]:
            seconds = 0
            frame = self.port.recv(65536)
            if not frame:
                raise ConnectionError("the switch has closed the connection")
            source = frame[6:12].hex(":")
            self.recording.keep(source, frame)
            if not frame[0] & 1 and frame[:6].hex(":") != self.me.mac:
                self.overheard += 1
            if frame[12:14] == b"\x08\x06":
                self.known[socket.inet_ntoa(frame[28:32])] = frame[22:28].hex(":")

    def find(self, ip):
        """Asks by ARP for a station's MAC."""
        nobody = Scene(self.me, self.me, self.me, self.me)
        self.send(bytes(arp(nobody, BROADCAST, 1, self.me.ip, ZERO, ip)))
        deadline = time.monotonic() + REPLY_SECONDS
        while ip not in self.known:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody answers for {ip}")
            self.hear(0.1)
        return self.known[ip]

    def greet(self, word):
        everybody = Station(BROADCAST, "10.1.0.255")
        text = f"{word}-{self.role}.".encode()
        self.send(bytes(packet(self.scene, everybody) / UDP(sport=9, dport=9) / Raw(text)))

    def hit(self, frame):
        marked = bytes(frame) + f"attack-{self.role}.".encode()
        self.recorded += self.send(marked)
        self.sent += 1

    def run(self, stopped):
        """Sends the role's frames. @param stopped is asked between frames, and told once it is under way."""
        role = getattr(Forgeries, self.role)
        frames = role(self.scene)
        if role in Forgeries.FLOODS:
            for frame in frames:
                self.hit(frame)
                if self.sent % BURST == 0:
                    self.hear()
                    if stopped(0, True) and self.sent >= Forgeries.FLOODS[role]:
                        return
            return
        frames = [bytes(frame) for frame in frames]
        while self.sent < FRAMES_MAX:
            self.hit(frames[self.sent % len(frames)])
            self.hear()
            if stopped(PAUSE_SECONDS, self.sent >= min(len(frames), 8)) and self.sent >= len(frames):
                return

    def finish(self, path):
        time.sleep(CALM_SECONDS)
        self.hear()
        self.greet("bye")
        self.recording.write(path)
        return {
            "sent": self.sent, "recorded": self.recorded, "overheard": self.overheard, "hostMac": self.scene.host.mac,
        }


class Commands:
    """Standard input, line by line."""

    def __init__(self):
        self.text = b""

    def waiting(self, seconds):
        """The next line, or None if none comes so soon."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.text:
            rest = max(0.0, deadline - time.monotonic())
            if not select.select([0], [], [], rest)[0]:
                return None
            more = os.read(0, 4096)
            if not more:
                sys.exit(0)
            self.text += more
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    path, mac, ip, *others = sys.argv[1:]
    commands = Commands()
    while True:
        line = commands.waiting(3600)
        if line is None:
            return
        _, role, file = line.split(" ")
        attack = Attack(path, Station(mac, ip), others, role)
        told = stop = False

        def stopped(seconds, under_way):
            nonlocal told, stop
            if under_way and not told:
                told = True
                say({"underWay": role})
            if not stop:
                stop = commands.waiting(seconds) == "stop"
            return stop

        attack.run(stopped)
        for _ in range(3600):
            if stopped(1, True):
                break
        say(attack.finish(file))
        for _ in range(3600):
            if commands.waiting(1) == "close":
                break
            attack.hear()
        attack.port.close()
        say({"closed": role})


main()
