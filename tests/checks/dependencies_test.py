#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: nothing is installed that docs/design/dependencies.md does not explain; the fuzz preset finds its compiler.
Method: compares the package lists of tools/install with that page and with CMakePresets.json."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def package_groups():
    text = (ROOT / "tools/install").read_text(encoding="utf-8")
    found = re.findall(r"^(build|amd64|tests|bench|sanitize|fuzz|packages|unpacked)=\(([^)]*)\)", text, re.MULTILINE)
    return {name: packages.split() for name, packages in found}


class DependenciesTest(unittest.TestCase):
    def test_every_package_is_explained(self):
        page = (ROOT / "docs/design/dependencies.md").read_text(encoding="utf-8")
        groups = package_groups()
        self.assertEqual(set(groups), {"build", "amd64", "tests", "bench", "sanitize", "fuzz", "packages",
                                       "unpacked"})
        for name, packages in groups.items():
            self.assertTrue(packages, name)
            for package in packages + ["nodejs", "npm"]:
                self.assertIn(f"`{package}`", page, f"{package}, installed by tools/install ({name})")

    def test_the_fuzz_preset_names_the_compiler_that_is_installed(self):
        presets = (ROOT / "CMakePresets.json").read_text(encoding="utf-8")
        compiler = re.search(r'"CMAKE_CXX_COMPILER": "clang\+\+-(\d+)"', presets)
        self.assertIn(f"clang-{compiler.group(1)}", package_groups()["fuzz"])


if __name__ == "__main__":
    unittest.main()
