"""What an attacker keeps of an attack: a pcapng file in which each station has an interface of its own.

Written by the attacker, who sees what the switch let reach him and what he sent himself. Format: IETF
draft-ietf-opsawg-pcapng, sections 4.1 to 4.3. Owner of the file is who closes the recording.
"""

import struct
import time

ETHERNET = 1
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
IF_NAME = 2

# A flood's beginning tells what the rest is like.
FRAMES_MAX = 4096


def padded(octets):
    return octets + bytes(-len(octets) % 4)


def block(kind, body):
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


class Recording:
    """Keeps frames in memory, by who sent them, until they are written."""

    def __init__(self):
        self.interfaces = {}
        self.blocks = []
        # Seconds since 1970 of a clock that does not run backwards.
        self.offset = time.time() - time.monotonic()

    def keep(self, sender, frame):
        """Notes a frame that `sender` has just sent. False if there is no more room for it."""
        if len(self.blocks) >= FRAMES_MAX:
            return False
        index = self.interfaces.setdefault(sender, len(self.interfaces))
        now = int((time.monotonic() + self.offset) * 1e6)
        head = struct.pack("<IIIII", index, now >> 32, now & 0xFFFFFFFF, len(frame), len(frame))
        self.blocks.append(block(PACKET, head + padded(bytes(frame))))
        return True

    def write(self, path):
        with open(path, "wb") as file:
            file.write(block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
            for name in self.interfaces:
                option = struct.pack("<HH", IF_NAME, len(name)) + padded(name.encode()) + bytes(4)
                file.write(block(INTERFACE, struct.pack("<HHI", ETHERNET, 0, 0) + option))
            file.write(b"".join(self.blocks))
