#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the Debian packages install, work and go again on a system that has nothing of ours.
Method: debootstrap makes a small Debian 12 with a compiler, kept as build/clean-root.tar; a copy of it gets the
packages from the folder QG_PACKAGES by apt-get, runs qgate, and builds and runs an example by pkg-config, shared and
static. `./test --packages` does all that."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = ROOT / "build/clean-root.tar"
RELEASE = "bookworm"


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def mirror():
    """Where this machine takes Debian from."""
    texts = [path.read_text() for path in sorted(pathlib.Path("/etc/apt").rglob("*")) if
             path.suffix in (".list", ".sources")]
    found = re.search(r"(?:^URIs:|^deb (?:\[[^\]]*\] )?) *(http\S+/debian)/?(?:\s|$)", "\n".join(texts), re.MULTILINE)
    return found.group(1) if found else "http://deb.debian.org/debian"


def make_base():
    with tempfile.TemporaryDirectory(dir=BASE.parent) as folder:
        done = subprocess.run(["unshare", "--mount", "debootstrap", "--variant=minbase", "--include=g++,pkg-config",
                               RELEASE, folder, mirror()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=1200)
        if done.returncode != 0:
            skip(f"debootstrap failed:\n{done.stdout[-1000:]}")
        made = BASE.with_suffix(".making")
        subprocess.run(["tar", "--create", "--one-file-system", "--file", made, "--directory", folder, "."],
                       check=True, timeout=300)
        made.rename(BASE)


class CleanRootTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=BASE.parent)
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        subprocess.run(["tar", "--extract", "--file", BASE, "--directory", cls.folder], check=True, timeout=300)
        (cls.folder / "given").mkdir()
        for path in PACKAGES:
            shutil.copy(path, cls.folder / "given")
        shutil.copy(ROOT / "examples/echo.cpp", cls.folder / "given")
        shutil.copy("/etc/resolv.conf", cls.folder / "etc/resolv.conf")

    def inside(self, command):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        environment.update({name: value for name, value in os.environ.items() if name.endswith("_proxy")})
        done = subprocess.run(["chroot", self.folder, "/bin/sh", "-ec", command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=600, env=environment)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-3000:]}")
        return done.stdout

    def test_install_use_and_remove(self):
        self.inside("apt-get -q update && apt-get -q -y --no-install-recommends install /given/*.deb")
        self.assertIn("libquantumgate.so.0", self.inside("ldconfig -p"))
        self.assertRegex(self.inside("qgate --version"), r"\d+\.\d+\.\d+")
        self.inside("qgate identity new --no-pass-phrase --key /tmp/key && test -s /tmp/key")
        compile_it = "g++ -std=c++20 /given/echo.cpp $(pkg-config --cflags quantumgate) -o /tmp/echo "
        self.inside(compile_it + "$(pkg-config --libs quantumgate) && ldd /tmp/echo | grep libquantumgate.so.0")
        self.assertIn("hello", self.inside("/tmp/echo"))
        self.inside(compile_it + "-Wl,-Bstatic -lquantumgate -Wl,-Bdynamic "
                    "$(pkg-config --static --libs quantumgate | sed s/-lquantumgate//)")
        self.assertNotIn("libquantumgate", self.inside("ldd /tmp/echo"))
        self.assertIn("hello", self.inside("/tmp/echo"))
        self.inside("apt-get -q -y purge qgate libquantumgate-dev libquantumgate0")
        self.inside("rm -r /given")
        self.assertEqual(self.inside("find / -xdev '(' -name '*quantumgate*' -o -name 'qgate*' ')'"), "")


if __name__ == "__main__":
    if not os.environ.get("QG_PACKAGES"):
        skip("takes minutes and a network; ./test --packages runs it")
    PACKAGES = sorted(pathlib.Path(os.environ["QG_PACKAGES"]).glob("*.deb"))
    if os.geteuid() != 0:
        skip("making and entering a clean root needs root")
    if not shutil.which("debootstrap"):
        skip("debootstrap is not installed (tools/install --packages)")
    if not BASE.exists():
        make_base()
    assert len(PACKAGES) == 3, PACKAGES
    unittest.main()
