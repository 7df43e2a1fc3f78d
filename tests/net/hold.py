#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds connections open, as it is told line by line by a FIFO, and answers each line with one.

  hold.py FIFO VIP PORT

  open N      N more, all at once; each asks nginx for /name, and stays open when it is answered
              within the time of two retransmitted SYNs: {"a": 10, "b": 9, "failed": 1}
  check       asks again on all that are open: {"same": 19}, or also {"broken": ...}
  close N     ends the N oldest ones: {"closed": N}
  reset N     the same by RST
  vanish      forgets all of them, without a packet: {"vanished": 19}
"""
import collections
import json
import select
import socket
import struct
import sys
import time

TCP_REPAIR = 19
SECONDS = 4
REQUEST = b"GET /name HTTP/1.1\r\nHost: x\r\n\r\n"

fifo, vip, port = sys.argv[1:]
held = []  # (socket, who answered)


def answers(sockets):
    """Whom each of these asked sockets reaches, in time: its name or None."""
    poll, names, data = select.poll(), {}, collections.defaultdict(bytes)
    by_fd = {s.fileno(): s for s in sockets}
    end = time.monotonic() + SECONDS
    asked = set()

    for fd in by_fd:
        poll.register(fd, select.POLLOUT)
    while len(names) < len(sockets) and (left := end - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            try:
                if fd not in asked:
                    asked.add(fd)
                    by_fd[fd].sendall(REQUEST)
                    poll.modify(fd, select.POLLIN)
                    continue
                part = by_fd[fd].recv(4096)
            except OSError:
                part = b""
            data[fd] += part
            if not part:
                names[fd] = None
                poll.unregister(fd)
            elif b"\r\n\r\n" in data[fd] and data[fd].endswith(b"\n"):
                names[fd] = data[fd].split(b"\r\n\r\n", 1)[1].decode().strip() or None
                if names[fd]:
                    poll.unregister(fd)
                else:
                    del names[fd]
    return [names.get(s.fileno()) for s in sockets]


def open_more(n):
    sockets = [socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET) for _ in range(n)]
    for s in sockets:
        s.setblocking(False)
        s.connect_ex((vip, int(port)))
    by = collections.Counter()
    for s, name in zip(sockets, answers(sockets)):
        by[name or "failed"] += 1
        if name:
            held.append((s, name))
        else:
            s.close()
    return by


def check():
    now = answers([s for s, _ in held])
    return collections.Counter("same" if name == was else "broken" for name, (_, was) in zip(now, held))


def end(n, how):
    for s, _ in held[:n]:
        if how == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "vanish":
            s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        s.close()
    del held[:n]


with open(fifo, encoding="ascii") as lines:
    for line in lines:
        word, *number = line.split()
        n = int(number[0]) if number else len(held)
        if word == "open":
            said = open_more(n)
        elif word == "check":
            said = check()
        else:
            end(n, word)
            said = {word: n}
        print(json.dumps(said, sort_keys=True), flush=True)
