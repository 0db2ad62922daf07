#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the shared library shows what the public headers declare: all of it, and nothing else.
Method: names of `nm`, from both libraries, are looked up in include/quantumgate. The static one knows every name."""
import pathlib
import re
import subprocess
import sys
import unittest

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include/quantumgate"
# quantumgate::Type::member(...) or quantumgate::function(...), in quantumgate or a namespace in it. Types are in upper
# case, namespaces in lower case.
NAME = re.compile(r"^(?:(?:typeinfo|typeinfo name|vtable) for )?quantumgate((?:::[a-z]\w*)?)::((?:[A-Z]\w*::)?)"
                  r"(operator[^\w(]+|~?\w+)(?:\(|\[abi:|$)")
C_NAME = re.compile(r"^qg_\w+$")


def without_comments():
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(INCLUDE.glob("*.h")))
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def symbols(library, *options):
    """Pairs of (mangled, demangled) of the code that `library` defines and shows to others."""
    def names(*more):
        done = subprocess.run(["nm", "--defined-only", "--extern-only", *options, *more, library],
                              capture_output=True, text=True, check=True, timeout=120)
        return [line.split(" ", 2)[1:] for line in done.stdout.splitlines() if re.match(r"^[0-9a-f]+ [A-Z] ", line)]
    mangled, demangled = names(), names("--demangle")
    assert len(mangled) == len(demangled)
    return {m[1].split("@")[0]: (m[0], d[1].split("@@")[0]) for m, d in zip(mangled, demangled)}


class ExportsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.headers = without_comments()
        cls.shared = symbols(SHARED, "--dynamic")
        cls.static = symbols(STATIC)

    def is_declared(self, name):
        """Whether a public header declares what `name`, demangled, is."""
        if C_NAME.match(name):
            return re.search(rf"\b{name}\s*\(", self.headers) is not None
        match = NAME.match(name)
        if not match:
            return False
        namespace, kind, member = match.group(1), match.group(2)[:-2], match.group(3)
        if f"namespace quantumgate{namespace} {{" not in self.headers:
            return False
        if " for " in name.split("quantumgate::")[0]:
            return re.search(rf"\b(?:class|struct) (?:QG_EXPORT )?{member}\b", self.headers) is not None
        if kind and not re.search(rf"\b(?:class|struct) (?:QG_EXPORT )?{kind}\b", self.headers):
            return False
        return re.search(rf"{re.escape(member)}\s*\(", self.headers) is not None

    def test_nothing_internal_is_shown(self):
        self.assertGreater(len(self.shared), 20)
        for kind, name in self.shared.values():
            if kind != "A":  # the name of the version
                self.assertTrue(self.is_declared(name), f"{name} is shown; no public header declares it")

    def test_all_that_is_declared_is_shown(self):
        wanted = {mangled: name for mangled, (kind, name) in self.static.items() if kind == "T" and
                  self.is_declared(name)}
        self.assertGreater(len(wanted), 20)
        for mangled, name in wanted.items():
            self.assertTrue(mangled in self.shared, f"a public header declares {name}; QG_EXPORT is missing there")

    def test_soname(self):
        done = subprocess.run(["readelf", "-d", SHARED], capture_output=True, text=True, check=True, timeout=60)
        self.assertIn("Library soname: [libquantumgate.so.0]", done.stdout)


if __name__ == "__main__":
    SHARED, STATIC = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
