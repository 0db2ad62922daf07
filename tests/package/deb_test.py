#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the Debian packages hold what they should, and the program in them runs.
Method: `cpack` makes those of the library and of the program; they are unpacked into a folder, looked through, and
qgate is run from there. Installing them is clean_root_test.py's business."""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest


def run(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300)
    return done.returncode, done.stdout


class DebTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=BUILD)
        cls.addClassCleanup(folder.cleanup)
        made, cls.root = pathlib.Path(folder.name, "made"), pathlib.Path(folder.name, "root")
        # The debug information of a test build, compressed at leisure, would cost a minute.
        code, text = run("cpack", "-G", "DEB", "-B", made, "--config", f"{BUILD}/CPackConfig.cmake",
                         "-D", "CPACK_COMPONENTS_ALL=runtime;program", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip")
        if code != 0:
            raise AssertionError(text)
        cls.packages = {path.name.split("_")[0]: path for path in made.glob("*.deb")}
        for path in cls.packages.values():
            subprocess.run(["dpkg-deb", "--extract", path, cls.root], check=True, timeout=60)

    def field(self, package, name):
        done = subprocess.run(["dpkg-deb", "--field", self.packages[package], name], capture_output=True, text=True,
                              check=True, timeout=60)
        return done.stdout.strip()

    def test_names_and_versions(self):
        self.assertEqual(set(self.packages), {"libquantumgate0", "qgate"})
        for package in self.packages:
            self.assertRegex(self.field(package, "Version"), r"^\d+\.\d+\.\d+-\d+$")

    def test_dependencies_are_found_and_only_at_run_time(self):
        for package in self.packages:
            depends = self.field(package, "Depends")
            for needed in ("libc6", "libssl3", "libsodium23", "libngtcp2-"):
                self.assertIn(needed, depends)
            self.assertNotIn("-dev", depends)

    def test_the_library_is_found_by_its_soname_and_stripped(self):
        found = list(self.root.glob("usr/lib/**/libquantumgate.so.0"))
        self.assertEqual(len(found), 1)
        code, sections = run("readelf", "--sections", "--wide", found[0])
        self.assertEqual(code, 0)
        self.assertNotIn(".debug_info", sections)
        shlibs = subprocess.run(f"dpkg-deb --ctrl-tarfile {self.packages['libquantumgate0']} | tar -xO ./shlibs",
                                shell=True, capture_output=True, text=True, check=True, timeout=60).stdout
        self.assertRegex(shlibs, r"^libquantumgate 0 libquantumgate0 \(>= \d+\.\d+\)\n$")

    def test_the_program_runs_with_what_it_names(self):
        program = self.root / "usr/bin/qgate"
        code, libraries = run("ldd", program)
        self.assertEqual(code, 0)
        self.assertNotIn("not found", libraries)
        code, text = run(program, "--version")
        self.assertEqual(code, 0, text)
        self.assertIn(self.field("qgate", "Version").split("-")[0], text)

    def test_documents(self):
        for package in self.packages:
            folder = self.root / "usr/share/doc" / package
            self.assertIn("Expat", (folder / "copyright").read_text(encoding="utf-8"))
            for name in ("changelog.gz", "changelog.Debian.gz"):
                self.assertTrue(gzip.decompress((folder / name).read_bytes()))
        for name, title in (("man1/qgate.1", ".TH QGATE 1"), ("man5/qgate.toml.5", ".TH QGATE.TOML 5")):
            page = gzip.decompress((self.root / f"usr/share/man/{name}.gz").read_bytes()).decode()
            self.assertIn(title, page)

    def test_completions(self):
        for name in ("bash-completion/completions/qgate", "zsh/vendor-completions/_qgate",
                     "fish/vendor_completions.d/qgate.fish"):
            self.assertIn("identity", (self.root / "usr/share" / name).read_text(encoding="utf-8"))

    def test_the_service_starts_the_installed_program(self):
        for unit in ("qgate.service", "qgate@.service"):
            text = (self.root / "lib/systemd/system" / unit).read_text(encoding="utf-8")
            self.assertIn("\nExecStart=/usr/bin/qgate node run\n", text)
            self.assertNotRegex(text, r"@[A-Z_]+@")
        self.assertIn("listen", (self.root / "etc/qgate/qgate.toml").read_text(encoding="utf-8"))
        conffiles = subprocess.run(f"dpkg-deb --ctrl-tarfile {self.packages['qgate']} | tar -xO ./conffiles",
                                   shell=True, capture_output=True, text=True, check=True, timeout=60).stdout
        self.assertEqual(conffiles, "/etc/qgate/qgate.toml\n")

    def test_nothing_names_the_place_it_was_built_in(self):
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                code, text = run("strings", path)
                self.assertEqual(code, 0)
                self.assertNotIn(re.sub(r"/+$", "", BUILD), text, path)


if __name__ == "__main__":
    BUILD = sys.argv[1]
    for tool in ("dpkg-deb", "dpkg-shlibdeps", "readelf", "strings"):
        if not shutil.which(tool):
            print(f"SKIPPED: {tool} is not installed")
            sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
