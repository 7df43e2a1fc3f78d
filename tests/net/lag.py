# SPDX-License-Identifier: GPL-2.0-or-later
"""lag.py ADDRESS NAME: asks for the TXT of NAME over one TCP connection, which the agent's loop
serves, every 5 ms until SIGTERM; then prints how many answers there were, the longest time that one
took in ms, and the texts in their order."""
import signal
import socket
import struct
import sys
import time

address, name = sys.argv[1:]
stop = False


def end(*_):
    global stop
    stop = True


def read(connection, n):
    got = b""
    while len(got) < n:
        more = connection.recv(n - len(got))
        if not more:
            sys.exit("the connection was closed")
        got += more
    return got


signal.signal(signal.SIGTERM, end)
question = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
query = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 0) + question + b"\0\0\x10\0\1"
texts, worst, n = [], 0, 0
with socket.create_connection((address, 53)) as connection:
    connection.settimeout(30)
    print("asking", flush=True)
    while not stop:
        began = time.monotonic()
        connection.sendall(struct.pack(">H", len(query)) + query)
        answer = read(connection, struct.unpack(">H", read(connection, 2))[0])
        worst = max(worst, time.monotonic() - began)
        n += 1
        # Behind the question one record: pointer, type, class, TTL, length, and a text.
        text = answer[len(query) + 13:].decode() if answer[7] else "-"
        if texts[-1:] != [text]:
            texts.append(text)
        time.sleep(0.005)
print(n, round(worst * 1000), *texts)
