#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets recorded flows look as if they had been silent for so long, so that nobody has to wait.

  age.py PINNED_MAP SECONDS
"""
import ctypes
import mmap
import struct
import sys
import time

BPF_OBJ_GET, SYS_BPF = 7, 321 if sys.maxsize > 2**32 and struct.calcsize("P") == 8 else 357
FLAGS, TICK = 4, 4  # WEIR_FLOW_FLAGS, WEIR_FLOW_TICK
BYTES = 65536 * 4 * 16
CLOCK_MONOTONIC_COARSE = 6

path = ctypes.create_string_buffer(sys.argv[1].encode())
attr = struct.pack("QII", ctypes.addressof(path), 0, 0)
fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, BPF_OBJ_GET, attr, len(attr))
if fd < 0:
    sys.exit(f"{sys.argv[1]}: errno {ctypes.get_errno()}")
ticks = int(float(sys.argv[2]) / time.clock_getres(CLOCK_MONOTONIC_COARSE)) >> TICK
with mmap.mmap(fd, BYTES) as flows:
    for at in range(0, BYTES, 16):
        key, _, seen = struct.unpack_from("QII", flows, at)
        if key:
            struct.pack_into("I", flows, at + 12, (seen - (ticks << FLAGS)) & 0xFFFFFFFF)
