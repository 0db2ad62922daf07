#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: run_model.py passes a model that is right, and no other.
Method: a model of a counter, and variants of it with one fault each."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
COMMON = HERE.parents[1] / "docs/spec/model/common.inc"

COUNTER = """/*
 * run      plain
 * run      endless progress
 *
 * mutation TOO_FAR plain it_stays_small
 */
#include "common.inc"
#ifdef TOO_FAR
#define LAST 3
#else
#define LAST 2
#endif
byte x = 0;
active proctype Counter() {
end:
  do
  :: atomic { x < LAST ->
       x++;
       must(it_stays_small, x <= 2)
     }
  od
}
"""


class RunModelTest(unittest.TestCase):
    def run_model(self, *replacements):
        text = COUNTER
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(COMMON, folder)
            model = pathlib.Path(folder, "counter.pml")
            model.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, HERE / "run_model.py", model], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=300)
        return done.returncode, done.stdout

    def assert_fails(self, words, *replacements):
        code, said = self.run_model(*replacements)
        self.assertEqual(code, 1, said)
        self.assertIn(words, said)

    def test_a_right_model(self):
        code, said = self.run_model()
        self.assertEqual(code, 0, said)
        self.assertIn("mutation TOO_FAR in plain", said)

    def test_a_broken_property(self):
        self.assert_fails("run plain: expected no error, got it_stays_small", ("#define LAST 2", "#define LAST 4"))

    def test_a_deadlock(self):
        self.assert_fails("run plain: expected no error, got no_deadlock", ("end:\n", ""))

    def test_a_livelock(self):
        self.assert_fails("run endless: expected no error, got no_livelock", ("  od", "  :: x == 1 -> x = 0\n  od"))

    def test_a_line_that_is_never_executed(self):
        self.assert_fails("not executed in any run: :: x == 7 -> x = 0", ("  od", "  :: x == 7 -> x = 0\n  od"))

    def test_a_mutation_that_nobody_notices(self):
        self.assert_fails("mutation TOO_FAR in plain: expected it_stays_small, got None",
                          ("#define LAST 3", "#define LAST 1"))

    def test_a_search_that_is_cut_off(self):
        self.assert_fails("the search is not complete", ("byte x", "int y = 0;\nbyte x"),
                          ("  od", "  :: y < 2000000 -> y++\n  od"))


if __name__ == "__main__":
    if not shutil.which("spin"):
        print("SKIPPED: spin is not installed (tools/install --tests)")
        sys.exit(77)
    unittest.main()
