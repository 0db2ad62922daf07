#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: qg_tap records what it says it does: sessions of each activity, what passed in the window and nothing else, the
same again for the same seed; in virtual time and on the loopback interface.
Method: a few short traces, read with this test's own reader."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import traces as reader

PROGRAM = sys.argv.pop(1)
SMALLEST_PACKET, LARGEST_PACKET = 24, 1472


def record(world, file, *options):
    subprocess.run([PROGRAM, world, str(file), *map(str, options)], check=True, timeout=300)
    return reader.read(file)


class TapTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="qg_tap_test.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, traces, seconds):
        for trace in traces:
            self.assertEqual(trace.window_us, seconds * 1_000_000)
            self.assertEqual(list(trace.times), sorted(trace.times))
            self.assertTrue(all(time < trace.window_us for time in trace.times))
            self.assertTrue(all(SMALLEST_PACKET <= size <= LARGEST_PACKET for size in trace.sizes))
            self.assertLessEqual(sum(trace.sizes), trace.sent_bytes)
            self.assertEqual(trace.content_bytes > 0, trace.activity != "idle", trace.activity)
            self.assertEqual(len(trace.delays_us) > 0, trace.activity in ("chat", "web"), trace.activity)

    def test_simulated_sessions_do_what_they_are_said_to_do(self):
        traces = record("simulate", self.folder / "a", "--count", 20, "--seconds", 20)
        self.assertEqual([trace.activity for trace in traces], reader.ACTIVITIES * 4)
        self.assertEqual([trace.group for trace in traces], [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5)
        self.check(traces, 20)
        content = {name: sum(t.content_bytes for t in traces if t.activity == name) for name in reader.ACTIVITIES}
        self.assertGreater(content["file"], 4 * content["web"])
        self.assertGreater(content["web"], 4 * content["chat"])
        for trace in traces:
            if trace.activity == "file":
                self.assertTrue(any(trace.from_dialler) and not all(trace.from_dialler))
        self.assertEqual(len({sum(t.from_dialler) * 2 > len(t.sizes) for t in traces if t.activity == "file"}), 2,
                         "both sides act, now this one, now that")

    def test_the_same_seed_gives_the_same_traces_however_they_are_divided(self):
        whole, parts, other = self.folder / "whole", self.folder / "parts", self.folder / "other"
        record("simulate", whole, "--count", 10, "--seconds", 3)
        record("simulate", parts, "--count", 4, "--seconds", 3)
        record("simulate", parts, "--first", 4, "--count", 6, "--seconds", 3)
        record("simulate", other, "--count", 10, "--seconds", 3, "--seed", 2)
        self.assertEqual(whole.read_bytes(), parts.read_bytes())
        self.assertNotEqual(whole.read_bytes(), other.read_bytes())

    def test_sessions_on_loopback_do_the_same(self):
        traces = record("loopback", self.folder / "a", "--count", 5, "--seconds", 2)
        self.assertEqual([trace.activity for trace in traces], reader.ACTIVITIES)
        for trace in traces:
            self.assertTrue(all(time < trace.window_us for time in trace.times))
            self.assertLessEqual(sum(trace.sizes), trace.sent_bytes)
        self.assertGreater(traces[2].content_bytes, 0, "the file")

    def test_bad_input_is_refused(self):
        file = str(self.folder / "a")
        for command in ([], ["simulate"], ["simulate", file, "--level"], ["simulate", file, "--level", "6"],
                        ["simulate", file, "--count", "0"], ["simulate", file, "--count", "1x"],
                        ["simulate", file, "--colour", "1"], ["imagine", file]):
            done = subprocess.run([PROGRAM, *command], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("Usage: qg_tap", done.stderr)
        done = subprocess.run([PROGRAM, "simulate", str(self.folder / "no" / "a")], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("can not write", done.stderr)


if __name__ == "__main__":
    unittest.main()
