#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: each promise of docs/threat-model.md names something that shows it, and what is named exists.
Method: the tables with a column "Shown by" are read; names are looked up in the sources of the tests. The same reader
gets pages with mistakes."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/threat-model.md"
FOLDERS = ("src", "sim", "extenders", "apps", "tests")
PROMISES_MIN = 30  # fewer found: the reader does not understand the page any more


def known_tests():
    """All GoogleTest tests of the tree as Suite.Name, and tests of the program as e2e.FILE.FUNCTION."""
    macro = re.compile(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
    names = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.cpp"):
            names.update(".".join(match) for match in macro.findall(path.read_text(encoding="utf-8")))
    for path in (ROOT / "e2e").glob("*.py"):
        functions = re.findall(r"^def test_(\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        names.update(f"e2e.{path.stem}.{function}" for function in functions)
    return names


def promises(page):
    """(line number, promise, last cell) of each row of a table whose last column is "Shown by"."""
    inside = False
    for number, line in enumerate(page.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[-1] == "Shown by":
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            yield number, cells[0], cells[-1]


def mistakes(page, tests):
    found = []
    for number, promise, shown in promises(page):
        names = re.findall(r"`([^`]+)`", shown)
        if not names and "no test" not in shown:
            found.append(f"line {number}: nothing shows it: {promise}")
        for name in names:
            if name not in tests and not ("/" in name and (ROOT / name).is_file()):
                found.append(f"line {number}: {name} does not exist")
    return found


class ThreatModelTest(unittest.TestCase):
    def test_the_page(self):
        page = PAGE.read_text(encoding="utf-8")
        self.assertGreaterEqual(len(list(promises(page))), PROMISES_MIN)
        self.assertEqual(mistakes(page, known_tests()), [])

    def test_other_mentions_exist(self):
        tests = known_tests()
        suites = {name.split(".")[0] for name in tests}
        for name in re.findall(r"`(\w+\.\w+)`", PAGE.read_text(encoding="utf-8")):
            if name.split(".")[0] in suites:
                self.assertIn(name, tests)

    def test_mistakes_are_found(self):
        head = "| Promise | Shown by |\n|---|---|\n"
        tests = {"A.B"}
        self.assertEqual(mistakes(head + "| x | `A.B`, `docs/threat-model.md` |\n| y | no test |\n", tests), [])
        self.assertEqual(mistakes(head + "| x | `A.C` |\n", tests), ["line 3: A.C does not exist"])
        self.assertEqual(mistakes(head + "| x | `docs/none.md` |\n", tests), ["line 3: docs/none.md does not exist"])
        self.assertEqual(mistakes(head + "| x | surely |\n", tests), ["line 3: nothing shows it: x"])
        self.assertEqual(mistakes("| Other | Why |\n|---|---|\n| x | `A.C` |\n", tests), [])


if __name__ == "__main__":
    unittest.main()
