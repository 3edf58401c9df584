"""Guests as the control channel's tests need them.

    ControlGuest.py PATH COUNT    connects COUNT guests and prints "connected"; then, for each line "N HEX" on
                                  standard input, guest N sends that frame, and "sent" is printed.

Reads nothing. Ends with its standard input.
"""
import socket
import sys

path, count = sys.argv[1], int(sys.argv[2])
guests = []
for _ in range(count):
    guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guest.connect(path)
    guests.append(guest)
print("connected", flush=True)
for line in sys.stdin:
    number, frame = line.split()
    guests[int(number)].send(bytes.fromhex(frame))
    print("sent", flush=True)
