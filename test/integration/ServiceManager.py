"""Starts a service as systemd would, and prints what it is told about it.

    ServiceManager.py SPEC COMMAND ...

SPEC is JSON: `notify`, a path or "@name" for the notification socket; `listen`, a path to listen on and hand over
as descriptor 3; `kind` of that socket ("seqpacket", "stream", "silent": nobody listens) and its `mode`; `addressee`,
"other" to hand it over to another process; `asking`, how many guests connect before the service is started, each of
which asks once for 10.1.0.1 (ARP): how many are answered is printed as "answered N". Each datagram is printed as
"told LINE|LINE", the end as "ended STATUS". TERM, HUP and USR2 go to the service.
"""
import json
import os
import signal
import socket
import sys
import time

spec, command = json.loads(sys.argv[1]), sys.argv[2:]
environment = dict(os.environ)

told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if "notify" in spec:
    name = spec["notify"]
    told.bind("\0" + name[1:] if name.startswith("@") else name)
    environment["NOTIFY_SOCKET"] = name

listener = None
if "listen" in spec:
    stream = spec.get("kind") == "stream"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if stream else socket.SOCK_SEQPACKET)
    listener.bind(spec["listen"])
    os.chmod(spec["listen"], spec.get("mode", 0o660))
    if spec.get("kind") != "silent":
        listener.listen(64)



def ask(n):
    guest = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guest.connect(spec["listen"])
    mac, head = bytes([2, 0, 0, 0, 0, n]), bytes.fromhex("08060001080006040001")
    guest.send(b"\xff" * 6 + mac + head + mac + bytes([10, 1, 0, n]) + bytes(6) + bytes([10, 1, 0, 1]))
    return guest


def is_answered(guest):
    guest.settimeout(max(0.01, deadline - time.monotonic()))
    try:
        while guest.recv(2048)[21] != 2:
            pass
        return True
    except TimeoutError:
        return False


asking = [ask(n + 10) for n in range(spec.get("asking", 0))]

child = os.fork()
if child == 0:
    if listener is not None:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        environment["LISTEN_FDS"] = "1"
        environment["LISTEN_FDNAMES"] = "vknetd.socket"
        environment["LISTEN_PID"] = str(1 if spec.get("addressee") == "other" else os.getpid())
    os.execvpe(command[0], command, environment)

for name in ("SIGTERM", "SIGHUP", "SIGUSR2"):
    signal.signal(getattr(signal, name), lambda number, _: os.kill(child, number))

told.settimeout(0.02)
print("pid", child, flush=True)
if asking:
    deadline = time.monotonic() + 5
    print("answered", sum(map(is_answered, asking)), flush=True)
status = None
while True:
    try:
        print("told", told.recv(4096).decode().replace("\n", "|"), flush=True)
        continue
    except TimeoutError:
        pass
    if status is not None:
        break
    ended, state = os.waitpid(child, os.WNOHANG)
    if ended != 0:
        status = os.waitstatus_to_exitcode(state)
print("ended", status, flush=True)
