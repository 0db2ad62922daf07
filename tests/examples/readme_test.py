#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the program in README.md is true: it compiles, runs, and is as short as promised; so are the examples.
Method: it is taken out of README.md's text, compared with examples/echo.cpp, compiled and run."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_LINES_MAX = 30  # without blank lines and comments
LINES_MAX = 80


def code_lines(text):
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        found = re.findall(r"^```cpp\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"),
                           re.MULTILINE | re.DOTALL)
        self.assertEqual(len(found), 1, "README.md shows one program")
        self.program = found[0]

    def test_it_is_short(self):
        self.assertLessEqual(len(code_lines(self.program)), CODE_LINES_MAX)

    def test_it_is_the_example(self):
        example = (ROOT / "examples/echo.cpp").read_text(encoding="utf-8")
        self.assertTrue(example.endswith(self.program), "README.md and examples/echo.cpp differ")

    def test_it_compiles_and_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            source, program = pathlib.Path(folder, "program.cpp"), pathlib.Path(folder, "program")
            source.write_text(self.program, encoding="utf-8")
            done = subprocess.run([COMPILER, "-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
                                   "-idirafter", EXPECTED, source, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}", "-o",
                                   program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout)
            done = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.endswith("\nhello\n"), done.stdout)

    def test_the_examples_are_short(self):
        examples = [path for path in (ROOT / "examples").iterdir() if path.suffix in (".c", ".cpp")]
        self.assertGreaterEqual(len(examples), 7)
        for path in examples:
            self.assertLessEqual(len(path.read_text(encoding="utf-8").splitlines()), LINES_MAX, path)


if __name__ == "__main__":
    COMPILER, LIBRARY, EXPECTED = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
