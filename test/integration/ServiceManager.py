"""Starts a service as systemd would, and prints what it is told about it.

    ServiceManager.py SPEC COMMAND ...

SPEC is JSON: `notify`, a path or "@name" for the notification socket; `listen`, a path to listen on and hand over
as descriptor 3; `kind` of that socket ("seqpacket", "stream", "silent": nobody listens) and its `mode`; `addressee`,
"other" to hand it over to another process; `asking`, how many guests connect before the service is started, each of
which asks once for 10.1.0.1 (ARP): how many are answered is printed as "answered N"; `store`, how many open files are
kept for it, and `restarts`, how often it is started again after it was killed. Each datagram is printed as "told
LINE|LINE", each start as "pid N", a file that has ended and is kept no more as "gone NAME", the end as "ended STATUS".
TERM, HUP and USR2 go to the service.
"""
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time

def say(*words):
    """Prints a line in one write: the service writes to the same pipe."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


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

stored = []


def start():
    """Forks the service with all that is for it from descriptor 3 on."""
    child = os.fork()
    if child != 0:
        say("pid", child)
        return child
    given = [("vknetd.socket", listener.fileno())] if listener is not None else []
    given += stored
    if given:
        # Out of the way first: what one becomes may be another.
        copies = [fcntl.fcntl(fd, fcntl.F_DUPFD, 256) for _, fd in given]
        for number, fd in enumerate(copies, 3):
            os.dup2(fd, number)
            os.close(fd)
        environment["LISTEN_FDS"] = str(len(given))
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in given)
        environment["LISTEN_PID"] = str(1 if spec.get("addressee") == "other" else os.getpid())
    if "store" in spec:
        environment["FDSTORE"] = str(spec["store"])
    os.execvpe(command[0], command, environment)


def obey(lines, files):
    """What a manager does with its store; files that are not kept are closed."""
    name = "".join(line[7:] for line in lines if line.startswith("FDNAME="))
    if "FDSTOREREMOVE=1" in lines:
        for row in [row for row in stored if row[0] == name]:
            stored.remove(row)
            os.close(row[1])
    if "FDSTORE=1" in lines:
        for fd in list(files):
            known = any(row[0] == name and os.path.sameopenfile(row[1], fd) for row in stored)
            if not known and len(stored) < spec.get("store", 0):
                stored.append((name, fd))
                files.remove(fd)
    for fd in files:
        os.close(fd)


def forget_ended():
    poll = select.poll()
    for _, fd in stored:
        poll.register(fd, 0)
    ended = {fd for fd, _ in poll.poll(0)}
    for row in [row for row in stored if row[1] in ended]:
        stored.remove(row)
        os.close(row[1])
        say("gone", row[0])


child = start()

for name in ("SIGTERM", "SIGHUP", "SIGUSR2"):
    signal.signal(getattr(signal, name), lambda number, _: os.kill(child, number))

told.settimeout(0.02)
if asking:
    deadline = time.monotonic() + 5
    say("answered", sum(map(is_answered, asking)))
restarts = spec.get("restarts", 0)
status = None
while True:
    forget_ended()
    try:
        datagram, files, _, _ = socket.recv_fds(told, 4096, 16, socket.MSG_CMSG_CLOEXEC)
        say("told", datagram.decode().replace("\n", "|"))
        obey(datagram.decode().split("\n"), files)
        continue
    except TimeoutError:
        pass
    if status is not None:
        break
    ended, state = os.waitpid(child, os.WNOHANG)
    if ended != 0:
        status = os.waitstatus_to_exitcode(state)
        if status == -signal.SIGKILL and restarts > 0:
            restarts -= 1
            status = None
            child = start()
say("ended", status)
