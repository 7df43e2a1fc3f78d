#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the disk takes for a commit: rows of 500 bytes, each of them durable, by bare SQLite in the
store's mode. Prints {"rate", "p50", "p99"}, in ms.

  api_commits.py FILE SECONDS
"""
import json
import sqlite3
import sys
import time

db = sqlite3.connect(sys.argv[1], isolation_level=None)
for words in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 256"):
    db.execute("PRAGMA " + words)
db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
took, began = [], time.perf_counter()
while time.perf_counter() - began < float(sys.argv[2]):
    at = time.perf_counter()
    db.execute("INSERT INTO t (body) VALUES (?)", ("x" * 500,))
    took.append((time.perf_counter() - at) * 1e3)
rate = len(took) / (time.perf_counter() - began)
took.sort()
print(json.dumps({"rate": rate, "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100]}))
