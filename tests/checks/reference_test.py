#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the reference of the public headers is made without a warning, and what is not documented is one.
Method: tools/reference on the tree, and on a copy that gets such a declaration."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def make_reference(root, folder):
    done = subprocess.run([root / "tools/reference", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300)
    return done.returncode, done.stdout


class ReferenceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_no_warning(self):
        code, text = make_reference(ROOT, self.folder)
        self.assertEqual(code, 0, text)
        pages = "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("*.html"))
        for name in ("open_stream", "qg_node_start", "SimulatedNetwork", "would_deadlock"):
            self.assertIn(name, pages)

    def test_what_is_not_documented_is_a_warning(self):
        for name in ("include/quantumgate", "docs/reference.md", "tools/reference", "CMakeLists.txt"):
            goal = self.folder / name
            goal.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, goal)
        header = self.folder / "include/quantumgate/stream.h"
        text = header.read_text(encoding="utf-8")
        header.write_text(text.replace(" public:\n", " public:\n  virtual void secret_handshake() = 0;\n", 1),
                          encoding="utf-8")
        code, text = make_reference(self.folder, self.folder / "html")
        self.assertNotEqual(code, 0)
        self.assertIn("secret_handshake", text)


if __name__ == "__main__":
    if not shutil.which("doxygen"):
        print("SKIPPED: doxygen is not installed (tools/install --tests)")
        sys.exit(77)
    unittest.main()
