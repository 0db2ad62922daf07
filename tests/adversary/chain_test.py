#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: bench/adversary/run works from recording to table, finds what is there to be found, and finds nothing where
nothing is.
Method: a few short traces at level 1, which hides nothing; and the same without a single datagram."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader

import traces as reader

PROGRAM = sys.argv.pop(1)
ADVERSARY = pathlib.Path(__file__).resolve().parents[2] / "bench/adversary"

sys.dont_write_bytecode = True
run = SourceFileLoader("adversary_run", str(ADVERSARY / "run")).load_module()
PYTHON = run.classifying_python()


def classify(*arguments):
    done = subprocess.run([PYTHON[0], str(ADVERSARY / "classify.py"), *arguments], env=PYTHON[1], check=True, text=True,
                          capture_output=True, timeout=300)
    return json.loads(done.stdout)


class ChainTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="qg_chain_test.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_one_command_does_it_all(self):
        few = ["--levels", "1", "--traces", "30", "--seconds", "10", "--loopback-traces", "10",
               "--loopback-seconds", "2"]
        done = subprocess.run([str(ADVERSARY / "run"), "--program", PROGRAM, *few], text=True, capture_output=True,
                              timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("Blind guessing: 20.0 %", "30 sessions in the simulator", "10 on the loopback interface"):
            self.assertIn(words, done.stdout)
        tables = [line for line in done.stdout.splitlines() if line.startswith("|")]
        self.assertEqual(len(tables), 9, "three tables of one level")
        for table in (tables[:3], tables[3:6], tables[6:]):
            self.assertEqual(len({len(line) for line in table}), 1, "columns line up")

    def test_it_sees_what_is_there_and_nothing_where_nothing_is(self):
        seen, unseen = str(self.folder / "seen"), str(self.folder / "unseen")
        subprocess.run([PROGRAM, "simulate", seen, "--count", "50", "--seconds", "10"], check=True, timeout=300)
        reader.write_without_datagrams(unseen, reader.read(seen))
        found = classify("--explain", seen)
        self.assertEqual((found["traces"], found["chance"]), (50, 0.2))
        self.assertGreater(found["strong"]["accuracy"], 0.8)
        self.assertGreater(found["simple"]["accuracy"], 0.6)
        self.assertEqual(len(found["betraying"]), 25)
        self.assertEqual(sum(map(sum, found["strong"]["confusion"])), 50)
        found = classify(unseen)
        for kind in ("simple", "strong"):
            self.assertLessEqual(found[kind]["accuracy"], found["chance"], kind)
            self.assertGreater(found[kind]["upper"], found[kind]["accuracy"])

    def test_the_upper_limit_is_wilsons(self):
        # 20 of 100: 0.1334 to 0.2888, as in the tables of statistics.
        code = "import classify; print(classify.wilson_upper(20, 100), classify.wilson_upper(50, 50))"
        done = subprocess.run([PYTHON[0], "-B", "-c", code], env=PYTHON[1], cwd=ADVERSARY, check=True, text=True,
                              capture_output=True, timeout=100)
        twenty, all_right = map(float, done.stdout.split())
        self.assertAlmostEqual(twenty, 0.2888, places=4)
        self.assertAlmostEqual(all_right, 1)


if __name__ == "__main__":
    if PYTHON is None:
        print("SKIPPED: the classifiers of bench/adversary: no Python with scikit-learn (tools/install --bench)")
        sys.exit(77)
    unittest.main()
