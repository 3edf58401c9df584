"""Sits between two processes that hand a switch over, and kills one of them before a word of theirs gets through.

    HandoverTap.py PATH KIND WHO PID   PATH is the control socket of the running switch, whose process is PID; KIND the
                                       number of the word, WHO "old" or "new"

Puts itself in the control socket's place, prints "ready", passes one connection on with the descriptors that
come along, prints the kinds of words that passed, and puts the socket back. See NativeHandoverChannel.ts.
"""
import os
import signal
import socket
import struct
import sys

HEADER = struct.Struct("<4I")
MARK = 0x4F484B56
RIGHTS_MAX = 253


def receive(end, octets, fds):
    data, rights, _, _ = socket.recv_fds(end, octets, RIGHTS_MAX)
    fds += rights
    return data


def read_head(end):
    """An HTTP message without a body."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = end.recv(1)
        if not more:
            return b""
        data += more
    return data


def read_word(end):
    """A whole word: kind, octets, descriptors; None at the end."""
    data, fds = b"", []
    size = HEADER.size
    while len(data) < size:
        more = receive(end, size - len(data), fds)
        if not more:
            return None
        data += more
        if len(data) == HEADER.size:
            mark, kind, length, _ = HEADER.unpack(data)
            assert mark == MARK
            size += length
    return kind, data, fds


def main():
    path, fatal, who, old_pid = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    aside = path + ".aside"
    os.rename(path, aside)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    print("ready", flush=True)
    new, _ = listener.accept()
    new_pid = struct.unpack("3i", new.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    old = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old.connect(aside)
    os.unlink(path)
    os.rename(aside, path)
    old.sendall(read_head(new))
    new.sendall(read_head(old))
    # Who speaks next is given by what was said: each word has one speaker.
    speakers = [new, old, new, old, old, old, new, old, new]
    passed, expected = [], 0
    while True:
        speaker, hearer = (new, old) if speakers[expected] is new else (old, new)
        word = read_word(speaker)
        if word is None:
            break
        kind, data, fds = word
        if kind == fatal:
            os.kill(old_pid if who == "old" else new_pid, signal.SIGKILL)
            if who == "new":
                # Its end is what the other one sees.
                for fd in fds:
                    os.close(fd)
                break
            if speaker is old:
                for fd in fds:
                    os.close(fd)
                break
        socket.send_fds(hearer, [data[:1]], fds)
        for fd in fds:
            os.close(fd)
        try:
            hearer.sendall(data[1:])
        except OSError:
            break
        passed.append(kind)
        if kind >= len(speakers) - 1:
            break
        expected = kind + 1
    old.close()
    new.close()
    print(*passed, flush=True)


main()
