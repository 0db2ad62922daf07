# SPDX-License-Identifier: MIT
"""The files of qg_tap, as bench/adversary/trace.cpp writes them; with the standard library alone."""
import struct

ACTIVITIES = ["idle", "chat", "file", "streaming", "web"]
HEADER = struct.Struct("<6I2Q")
FROM_DIALLER = 0x8000


class Trace:
    def __init__(self, data, at):
        begin = at
        (activity, self.group, self.window_us, self.time_us, datagrams, delays, self.sent_bytes,
         self.content_bytes) = HEADER.unpack_from(data, at)
        self.activity = ACTIVITIES[activity]
        at += HEADER.size
        self.times = struct.unpack_from(f"<{datagrams}I", data, at)
        at += 4 * datagrams
        sizes = struct.unpack_from(f"<{datagrams}H", data, at)
        at += 2 * datagrams
        self.sizes = [size % FROM_DIALLER for size in sizes]
        self.from_dialler = [size >= FROM_DIALLER for size in sizes]
        self.delays_us = struct.unpack_from(f"<{delays}I", data, at)
        self.end = at + 4 * delays
        self.head = data[begin:begin + HEADER.size]


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    traces, at = [], 0
    while at < len(data):
        traces.append(Trace(data, at))
        at = traces[-1].end
    return traces


def write_without_datagrams(path, traces):
    """The same sessions, as somebody sees them who sees nothing."""
    with open(path, "wb") as file:
        for trace in traces:
            fields = list(HEADER.unpack(trace.head))
            fields[4] = fields[5] = 0
            file.write(HEADER.pack(*fields))
