#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: tools/check_tidy catches what it promises to catch, and nothing else.
Method: a scratch folder; each test plants one file and looks for the line that names the offence."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "// SPDX-License-Identifier: MIT\n"


class CheckTidyTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, content, executable=False):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        file.chmod(0o755 if executable else 0o644)

    def run_check(self):
        done = subprocess.run([sys.executable, ROOT / "tools/check_tidy", "--root", self.root],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_offences(self, planted):
        """`planted`: path, content, line, word of the offence. Planted all at once; nothing else may be reported."""
        for path, content, _, _ in planted:
            self.write(path, content)
        code, output = self.run_check()
        self.assertEqual(code, 1, output)
        reported = output.splitlines()[:-1]
        for path, _, line, word in planted:
            hits = [found for found in reported if found.startswith(f"{path}:{line}: ") and word in found]
            self.assertTrue(hits, f"{path}: '{word}' was not caught\n{output}")
        self.assertEqual(len(reported), len(planted), output)

    def test_sources(self):
        # The offending texts are put together here, so that this file itself stays clean.
        self.assert_offences([
            ("a.cpp", "int x;\n", 1, "SPDX"),
            ("b.hpp", LICENCE + "int x;\n", 1, "#pragma once"),
            ("c.cpp", LICENCE + "// " + "x" * 118 + "\n", 2, "121 columns"),
            ("d.cpp", LICENCE + "\tint x;\n", 2, "tab"),
            ("e.cpp", LICENCE + "int x; \n", 2, "blank at the end"),
            ("f.cpp", LICENCE + "int x;", 2, "no newline"),
            ("g.cpp", LICENCE + "// TO" + "DO later\n", 2, "without an explanation"),
            ("h.cpp", LICENCE + "// FIX" + "ME\n", 2, "without an explanation"),
            ("i.cpp", LICENCE + '#include "/ho' + 'me/someone/x.h"\n', 2, "machine"),
            ("j.cpp", LICENCE + "<<<" + "<<<< HEAD\n", 2, "conflict"),
            ("l.cpp", LICENCE.encode() + b"// \xff\n", 1, "UTF-8"),
            ("m.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: MIT\n", 1, "not executable"),
            ("n.json", "{\n", 1, "JSON"),
        ])

    def test_carriage_return(self):
        self.write("a.cpp", LICENCE + "int x;\r\nint y;\r\n")
        code, output = self.run_check()
        self.assertEqual(code, 1, output)
        self.assertIn("a.cpp:2: carriage return", output)

    def test_links(self):
        self.write("docs/there.md", "# A heading, with `code`\n")
        self.assert_offences([
            ("docs/a.md", "[x](missing.md)\n", 1, "leads nowhere"),
            ("docs/b.md", "text\n[x](there.md#another)\n", 2, "no such heading"),
            ("docs/c.md", "[x](/docs/there.md)\n", 1, "not relative"),
            ("docs/d.md", "![x](../picture.svg)\n", 1, "leads nowhere"),
            ("docs/e.md", "[x]: missing.md\n", 1, "leads nowhere"),
            ("docs/f.md", "[x](#nowhere)\n", 1, "no such heading"),
        ])

    def test_no_false_alarms(self):
        self.write("a.cpp", LICENCE + "// " + "‖" * 117 + "\n// TODO: drop this when Debian 13 is the oldest system\n")
        self.write("b.hpp", LICENCE + "#pragma once\n")
        self.write("run", "#!/bin/bash\n# SPDX-License-Identifier: MIT\n", executable=True)
        self.write("fuzz/corpus/x/input", b"\xff\t \r\n")
        self.write("node_modules/x/y.js", "\t\n")
        self.write("docs/there.md", "# A heading, with `code`\n\n## Twice\n\n## Twice\n")
        self.write("docs/a.md", "[x](there.md#a-heading-with-code) [y](there.md#twice-1) [z](../run)\n"
                                "[web](https://a.b/c) `[x](missing.md)`\n\n```\n[x](missing.md)\n```\n\n"
                                "https://a.b/home/x\n")
        code, output = self.run_check()
        self.assertEqual(code, 0, output)

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(self.run_check()[0], 2)


if __name__ == "__main__":
    unittest.main()
