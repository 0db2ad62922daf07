#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: a stranger's project builds and runs with the installed library, in each way it is offered.
Method: `cmake --install` into a fresh folder; examples/ are built outside the tree against it, by find_package with
either component and by pkg-config, shared and static, and run. The folder is moved first: nothing may name it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "examples/echo.cpp"


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300, **more)
    return done.returncode, done.stdout


class ConsumerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(dir=BUILD)
        cls.addClassCleanup(cls.folder.cleanup)
        first = pathlib.Path(cls.folder.name, "first")
        for component in ("runtime", "development"):
            code, text = run("cmake", "--install", BUILD, "--prefix", first, "--component", component)
            if code != 0:
                raise AssertionError(text)
        cls.prefix = first.with_name("prefix")
        first.rename(cls.prefix)

    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(dir=self.folder.name))
        self.addCleanup(shutil.rmtree, self.work)

    def must(self, *command, **more):
        code, text = run(*command, **more)
        self.assertEqual(code, 0, f"{' '.join(map(str, command))}\n{text}")
        return text

    def configure(self, component, *more):
        return run("cmake", "-S", ROOT / "tests/package/consumer", "-B", self.work, "-G", "Ninja",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={COMPILER}",
                   f"-DCOMPONENT={component}", f"-DSOURCE={PROGRAM}", *more)

    def linked(self, program):
        """Whether `program` needs the shared library."""
        return "libquantumgate.so.0" in self.must("readelf", "-d", program)

    def test_find_package(self):
        for component, shared in (("shared", True), ("static", False)):
            with self.subTest(component=component):
                code, text = self.configure(component)
                self.assertEqual(code, 0, text)
                self.must("cmake", "--build", self.work)
                self.assertEqual(self.linked(self.work / "program"), shared)
                self.assertIn("hello", self.must(self.work / "program"))

    def test_a_component_that_does_not_exist_is_named(self):
        code, text = self.configure("fast")
        self.assertNotEqual(code, 0)
        self.assertIn("'fast' is neither", text)

    def test_a_missing_expected_header_is_named(self):
        code, text = self.configure("shared", "-DCMAKE_FIND_ROOT_PATH=/nonexistent",
                                    "-DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY")
        self.assertNotEqual(code, 0)
        self.assertIn("libexpected-dev", text)

    def test_pkg_config(self):
        found = list(self.prefix.rglob("quantumgate.pc"))
        self.assertEqual(len(found), 1)
        environment = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))
        library_folder = found[0].parent.parent
        flags = self.must("pkg-config", "--cflags", "quantumgate", env=environment).split()
        compiled = self.work / "program.o"
        self.must(COMPILER, "-std=c++20", *flags, "-c", PROGRAM, "-o", compiled)
        shared = self.must("pkg-config", "--libs", "quantumgate", env=environment).split()
        self.must(COMPILER, compiled, *shared, "-o", self.work / "shared")
        self.assertTrue(self.linked(self.work / "shared"))
        self.assertIn("hello", self.must(self.work / "shared",
                                         env=dict(os.environ, LD_LIBRARY_PATH=str(library_folder))))
        # A prefix with the static library alone, so that -lquantumgate means that one.
        for library in library_folder.glob("libquantumgate.so*"):
            hidden = library.with_name("hidden-" + library.name)
            library.rename(hidden)
            self.addCleanup(hidden.rename, library)
        static = self.must("pkg-config", "--static", "--libs", "quantumgate", env=environment).split()
        self.must(COMPILER, compiled, *static, "-o", self.work / "static")
        self.assertFalse(self.linked(self.work / "static"))
        self.assertIn("hello", self.must(self.work / "static"))


if __name__ == "__main__":
    BUILD, COMPILER = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
