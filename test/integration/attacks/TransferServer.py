"""Serves the transfers that have to come through: on TCP, with checksums.

    TransferServer.py ADDRESS PORT OCTETS

Prints the SHA-256 sum of the OCTETS that it has to give, then serves. A client says `down` and gets them, or says
`up COUNT`, sends so many octets, and is told their sum.
"""

import hashlib
import random
import socketserver
import sys

SECONDS_MAX = 60


class Transfer(socketserver.StreamRequestHandler):
    timeout = SECONDS_MAX

    def handle(self):
        word, *more = self.rfile.readline().split()
        if word == b"down":
            self.wfile.write(self.server.payload)
            return
        left = int(more[0])
        total = hashlib.sha256()
        while left > 0:
            octets = self.rfile.read(min(left, 65536))
            if not octets:
                return
            total.update(octets)
            left -= len(octets)
        self.wfile.write(f"{total.hexdigest()}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    address, port, count = sys.argv[1:]
    with Server((address, int(port)), Transfer) as server:
        server.payload = random.Random(1).randbytes(int(count))
        print(hashlib.sha256(server.payload).hexdigest(), flush=True)
        server.serve_forever()


main()
