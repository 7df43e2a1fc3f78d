#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A receiver of webhooks: writes each POST as one line of JSON, {"at": ms, "path", "auth", "type",
"answer", "body"}, and then answers it.

  hook.py PORT FILE

Answers 200, or what FILE.answer says: a status; "half": 500 to every second one; "hang": nothing,
for a minute; "flood": 200 and a body without an end. "ready" on standard error: it listens.
"""
import http.server
import json
import sys
import threading
import time

port, file = int(sys.argv[1]), sys.argv[2]
lock = threading.Lock()
count = 0


def answer():
    try:
        with open(file + ".answer", encoding="ascii") as f:
            return f.read().strip()
    except FileNotFoundError:
        return "200"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            count += 1
            how = answer()
            if how == "half":
                how = "500" if count % 2 else "200"
            line = {"at": time.time_ns() // 1000000, "path": self.path,
                    "auth": self.headers.get("cf-webhook-auth"),
                    "type": self.headers.get("Content-Type"), "answer": how,
                    "body": json.loads(body)}
            with open(file, "a", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
        if how == "hang":
            time.sleep(60)
            return
        self.send_response(200 if how == "flood" else int(how))
        if how == "flood":
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.close_connection = True
                return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", port), Handler)
print("ready", file=sys.stderr, flush=True)
server.serve_forever()
