#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: including the library stays cheap. Method: no timing, which would depend on the machine. The list of headers
that quantumgate.h brings in names none of the expensive ones, and the lines behind it are at most half more than those
behind five standard headers that most programs include anyway. bench/compile_time measures the time."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
USUAL = ("string", "vector", "functional", "chrono", "memory")
# Measured with g++ 12: <filesystem> alone costs a quarter of the five, <regex>, <iostream> and <future> are no better.
EXPENSIVE = ("filesystem", "iostream", "fstream", "sstream", "regex", "thread", "future", "random", "iomanip", "locale")
OUTSIDE = re.compile(r"/(?:boost|openssl|nlohmann|ngtcp2|CLI|sodium|toml\+\+)/|zstd|ipsec")
LINES_RATIO_MAX = 1.5


def preprocess(includes, *options):
    text = "".join(f"#include <{name}>\n" for name in includes)
    done = subprocess.run([COMPILER, "-std=c++20", f"-I{ROOT}/include", "-idirafter", EXPECTED, "-x", "c++", *options,
                           "-"], input=text, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


class IncludeCostTest(unittest.TestCase):
    def test_no_expensive_header(self):
        def headers(*includes):
            return set(preprocess(includes, "-M").replace("\\\n", " ").split())
        ours = headers("quantumgate/quantumgate.h")
        self.assertGreater(len(ours), 50)
        for header in ours - headers(*USUAL):
            self.assertNotIn(pathlib.PurePath(header).name, EXPENSIVE, header)
            self.assertFalse(OUTSIDE.search(header), header)

    def test_few_lines(self):
        ours = preprocess(["quantumgate/quantumgate.h"], "-E", "-P").count("\n")
        usual = preprocess(USUAL, "-E", "-P").count("\n")
        self.assertGreater(usual, 10_000)
        self.assertLessEqual(ours, LINES_RATIO_MAX * usual)


if __name__ == "__main__":
    COMPILER, EXPECTED = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
