# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP/1.1 as bytes: what is sent is exactly what is said, and what comes back is read strictly."""
import socket


class Gone(Exception):
    """The connection ended before there was a reply."""


class Late(Exception):
    """There was no reply in time."""


class Request:
    """One request. odd: not good HTTP, or longer than a body may be: the server may as well end the
    connection, or answer with a 5xx that means exactly that."""

    def __init__(self, method, target, headers=(), body=None, route=None, odd=False):
        self.method, self.target, self.body = method, target, body
        self.headers, self.route, self.odd = list(headers), route, odd

    def raw(self):
        lines = [f"{self.method} ".encode() + self.target + b" HTTP/1.1"]
        names = {name.lower() for name, _ in self.headers}
        if b"host" not in names:
            lines.append(b"Host: fuzz")
        lines += [name + b": " + value for name, value in self.headers]
        if self.body is not None and not names & {b"content-length", b"transfer-encoding"}:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + (self.body or b"")

    def is_write(self):
        return self.method not in ("GET", "HEAD", "OPTIONS")


class Reply:
    def __init__(self, status, headers, body, last):
        self.status, self.headers, self.body, self.last = status, headers, body, last


class Connection:
    """A connection that is kept while both sides want to."""

    def __init__(self, at, source="127.0.0.1", timeout=20.0):
        self.socket = socket.create_connection(at, timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.at, self.kept = at, b""

    def close(self):
        self.socket.close()

    def send(self, data):
        """What is refused while it is sent may have a reply that waits."""
        try:
            self.socket.sendall(data)
        except socket.timeout as err:
            raise Late from err
        except OSError:
            pass

    def more(self):
        try:
            got = self.socket.recv(262144)
        except socket.timeout as err:
            raise Late from err
        except OSError as err:
            raise Gone from err
        if not got:
            raise Gone
        self.kept += got

    def until(self, what):
        while what not in self.kept:
            self.more()
        text, self.kept = self.kept.split(what, 1)
        return text

    def exactly(self, n):
        while len(self.kept) < n:
            self.more()
        data, self.kept = self.kept[:n], self.kept[n:]
        return data

    def chunks(self):
        body = b""
        while True:
            n = int(self.until(b"\r\n").split(b";")[0], 16)
            body += self.exactly(n)
            self.exactly(2)
            if not n:
                return body

    def reply(self, method, stream=False):
        """stream: the reply may never end, so its head is all there is."""
        head = self.until(b"\r\n\r\n").split(b"\r\n")
        status = int(head[0].split(b" ")[1])
        if status == 100:
            return self.reply(method, stream)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(b":") for line in head[1:])}
        last = headers.get(b"connection", b"").lower() == b"close"
        if method == "HEAD" or status in (204, 304):
            return Reply(status, headers, b"", last)
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            return Reply(status, headers, b"" if stream else self.chunks(), last or stream)
        if b"content-length" in headers:
            return Reply(status, headers, self.exactly(int(headers[b"content-length"])), last)
        return Reply(status, headers, b"", True)
