#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the examples that are started twice do what they say. Method: two processes each, talked to through their
input and output, as a person would."""
import pathlib
import queue
import random
import subprocess
import sys
import tempfile
import threading
import unittest

TIME_LIMIT = 30  # seconds, for each line


class Process:
    """A program whose output lines can be waited for, with a limit."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_for(self, wanted):
        """The next line that contains `wanted`."""
        seen = []
        while True:
            try:
                seen.append(self.lines.get(timeout=TIME_LIMIT))
            except queue.Empty:
                raise AssertionError(f"no line with '{wanted}' but {seen}") from None
            if wanted in seen[-1]:
                return seen[-1]

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=TIME_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.returncode

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class PairsTest(unittest.TestCase):
    def start(self, name, *arguments):
        process = Process(EXAMPLES / f"example_{name}", *arguments)
        self.addCleanup(process.clean_up)
        return process

    def test_chat(self):
        first = self.start("chat")
        address = first.wait_for("qg://")
        second = self.start("chat", address)
        first.wait_for("is here")
        second.wait_for("is here")
        second.say("good morning")
        self.assertIn("good morning", first.wait_for(": "))
        first.say("steers\x1b[2J nothing")
        self.assertIn("steers?[2J nothing", second.wait_for(": "))
        self.assertEqual(second.end(), 0)
        self.assertEqual(first.end(), 0)

    def test_chat_with_a_wrong_address(self):
        chat = self.start("chat", "qg://nobody")
        chat.wait_for("malformed")
        self.assertEqual(chat.end(), 1)

    def test_file_share(self):
        with tempfile.TemporaryDirectory() as folder:
            source, goal = pathlib.Path(folder, "source"), pathlib.Path(folder, "goal")
            source.write_bytes(random.Random(1).randbytes(5_000_000))
            offer = self.start("file_share", "offer", source)
            address = offer.wait_for("qg://")
            for _ in range(2):
                fetch = self.start("file_share", "fetch", address, goal)
                self.assertEqual(fetch.process.wait(timeout=TIME_LIMIT), 0)
                self.assertEqual(goal.read_bytes(), source.read_bytes())
                goal.unlink()
            offer.say("")
            self.assertEqual(offer.end(), 0)

    def test_file_share_says_how_it_is_used(self):
        share = self.start("file_share")
        share.wait_for("Usage")
        self.assertEqual(share.end(), 2)


if __name__ == "__main__":
    EXAMPLES = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
