#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: tools/check_includes catches what it promises to catch, and nothing else.
Method: a small tree with the real rules (docs/design/layers.md) in a scratch folder; each test plants one thing and
looks for the line that names it."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLEAN = {
    "include/quantumgate/result.h": "#include <tl/expected.hpp>\n#include <span>\n",
    "include/quantumgate/stream.h": '#include "quantumgate/result.h"\n',
    "src/base/time.hpp": "#include <chrono>\n",
    "src/crypto/aead.hpp": '#include "quantumgate/result.h"\n',
    "src/crypto/aead.cpp": '#include "crypto/aead.hpp"\n#include <openssl/evp.h>\n',
    "src/handshake/noise.hpp": '#include "base/time.hpp"\n#include "crypto/aead.hpp"\n',
    "src/session/session.hpp": '#include "handshake/noise.hpp"\n',
    "src/session/session_test.cpp": '#include "sim/link.hpp"\n#include <gtest/gtest.h>\n#include <fstream>\n',
    "src/stream/streams.hpp": '#include "base/time.hpp"\n',
    "src/node/kernel.hpp": '#include "session/session.hpp"\n#include "stream/streams.hpp"\n',
    "src/platform/socket.cpp": '#include "node/kernel.hpp"\n#include <sys/socket.h>\n#include <boost/asio.hpp>\n',
    "src/control/server.cpp": "#include <nlohmann/json.hpp>\n",
    "sim/link.hpp": '#include "node/kernel.hpp"\n',
    "extenders/files/files.hpp": '#include "quantumgate/stream.h"\n',
    "extenders/chat/chat.hpp": '#include "quantumgate/stream.h"\n',
    "examples/echo.cpp": "#include <quantumgate/stream.h>\n#include <iostream>\n",
    "apps/qgate/main.cpp": '#include <CLI/CLI.hpp>\n#include "extenders/files/files.hpp"\n',
}


class CheckIncludesTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.write("docs/design/layers.md", (ROOT / "docs/design/layers.md").read_text(encoding="utf-8"))
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run_check(self):
        done = subprocess.run([sys.executable, ROOT / "tools/check_includes", "--root", self.root],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_clean(self):
        code, output = self.run_check()
        self.assertEqual(code, 0, output)

    def assert_caught(self, path, added, *words):
        old = CLEAN.get(path, "")
        self.write(path, old + added)
        code, output = self.run_check()
        self.assertEqual(code, 1, f"not caught: {added!r} in {path}\n{output}")
        line = old.count("\n") + 1
        hits = [found for found in output.splitlines() if found.startswith(f"{path}:{line}:")]
        self.assertTrue(hits, f"no offence at {path}:{line}\n{output}")
        for word in words:
            self.assertIn(word, hits[0])

    def test_clean_tree_passes(self):
        self.assert_clean()

    def test_upward_includes(self):
        for path, header in [
                ("include/quantumgate/stream.h", "base/time.hpp"),
                ("src/base/time.hpp", "crypto/aead.hpp"),
                ("src/crypto/aead.hpp", "handshake/noise.hpp"),
                ("src/session/session.hpp", "node/kernel.hpp"),
                ("src/node/kernel.hpp", "sim/link.hpp"),
                ("src/base/time.hpp", "../stream/streams.hpp"),
        ]:
            with self.subTest(path=path, header=header):
                self.setUp()
                self.assert_caught(path, f'#include "{header}"\n', "may not include")

    def test_cores_keep_apart(self):
        for path, header in [
                ("src/stream/streams.hpp", "session/session.hpp"),
                ("src/session/session.hpp", "stream/streams.hpp"),
                ("src/handshake/noise.hpp", "session/session.hpp"),
        ]:
            with self.subTest(path=path, header=header):
                self.setUp()
                self.assert_caught(path, f'#include "{header}"\n', "may not include")

    def test_outer_folders_use_the_public_headers_only(self):
        self.assert_caught("examples/echo.cpp", '#include "base/time.hpp"\n', "examples may not include base")
        self.setUp()
        self.assert_caught("extenders/files/files.hpp", '#include "node/kernel.hpp"\n', "may not include node")
        self.setUp()
        self.assert_caught("apps/qgate/main.cpp", '#include "node/kernel.hpp"\n', "apps may not include node")

    def test_extenders_are_closed_to_each_other(self):
        self.assert_caught("extenders/chat/chat.hpp", '#include "extenders/files/files.hpp"\n', "closed to each other")

    def test_public_headers_are_self_sufficient(self):
        for header in ("sys/socket.h", "unistd.h"):
            self.setUp()
            self.assert_caught("include/quantumgate/stream.h", f"#include <{header}>\n", "public header")
        self.setUp()
        self.assert_caught("include/quantumgate/stream.h", "#include <tl/expected.hpp>\n", "in a header")

    def test_heavy_headers_stay_in_sources(self):
        for path, header in [
                ("src/crypto/aead.hpp", "openssl/evp.h"), ("src/crypto/aead.hpp", "sodium.h"),
                ("src/stream/streams.hpp", "ngtcp2/ngtcp2.h"), ("src/control/server.hpp", "boost/asio.hpp"),
                ("src/control/server.hpp", "nlohmann/json.hpp"), ("apps/qgate/options.hpp", "CLI/CLI.hpp"),
                ("src/base/time.hpp", "gtest/gtest.h"),
        ]:
            with self.subTest(path=path, header=header):
                self.setUp()
                self.assert_caught(path, f"#include <{header}>\n", "in a header")

    def test_libraries_stay_in_their_layer(self):
        self.assert_caught("src/session/keys.cpp", "#include <openssl/evp.h>\n", "not among its places")
        self.setUp()
        self.assert_caught("src/crypto/aead.cpp", "#include <boost/endian.hpp>\n", "not among its places")
        self.setUp()
        self.assert_caught("src/platform/socket.cpp", "#include <uv.h>\n", "no row")

    def test_allowed_places_of_heavy_headers(self):
        self.write("src/crypto/openssl.hpp", "#include <openssl/evp.h>\n")
        self.write("src/stream/ngtcp2_compat.hpp", "#include <ngtcp2/ngtcp2.h>\n")
        self.write("src/base/secret.cpp", "#include <openssl/crypto.h>\n")
        self.write("src/base/endpoint.cpp", "#include <arpa/inet.h>\n")
        self.assert_clean()

    def test_no_io_in_cores(self):
        planted = ["#include <sys/socket.h>", "#include <thread>", "#include <mutex>", "#include <fstream>",
                   "#include <iostream>", "#include <random>", "auto t = std::chrono::steady_clock::now();",
                   "auto t = system_clock::now();", "auto t = ::time(nullptr);", "getrandom(p, n, 0);",
                   "std::random_device d;", "int i = rand();", "std::uniform_int_distribution<int> d(1, 6);",
                   "std::cout << 1;", 'auto h = getenv("HOME");']
        layers = ("wire", "handshake", "session", "stream", "node")
        for layer in layers:
            self.write(f"src/{layer}/thing.cpp", "\n".join(planted) + "\n")
        _, output = self.run_check()
        for layer in layers:
            for number, text in enumerate(planted, 1):
                self.assertRegex(output, rf"(?m)^src/{layer}/thing.cpp:{number}: .*without I/O", text)

    def test_no_false_alarms(self):
        self.write("src/session/thing.cpp",
                   '// steady_clock::now() and #include <thread> in a comment\n/* std::random_device */\n'
                   'const char* a = "getrandom( std::cout";\nconst auto b = R"(rand())";\n'
                   "auto t = input.time(3) + operand(2) + start_time(1); auto c = random_().below(5);\n"
                   "#include <chrono>\nlong big = 1'000'000;\n")
        self.write("src/platform/clock.cpp", "#include <thread>\nauto t = std::chrono::steady_clock::now();\n")
        self.assert_clean()

    def test_circles(self):
        self.write("src/base/a.hpp", '#include "base/b.hpp"\n')
        self.write("src/base/b.hpp", '#include "base/c.hpp"\n')
        self.write("src/base/c.hpp", '#include "base/a.hpp"\n')
        code, output = self.run_check()
        self.assertEqual(code, 1)
        self.assertIn("src/base/a.hpp -> src/base/b.hpp -> src/base/c.hpp -> src/base/a.hpp", output)

    def test_unknown_files_and_folders(self):
        self.assert_caught("src/base/time.hpp", '#include "base/missing.hpp"\n', "not a file of ours")
        self.setUp()
        self.assert_caught("src/attic/old.cpp", "int x;\n", "no folder")

    def test_production_does_not_include_tests(self):
        self.write("src/base/test_tools.hpp", "")
        self.assert_caught("src/base/time.hpp", '#include "base/test_tools.hpp"\n', "test file")

    def test_rules_that_contradict_the_design_are_refused(self):
        rules = self.root / "docs/design/layers.md"
        text = rules.read_text(encoding="utf-8")
        for old, new in [
                ("| `src/stream` | public, base, crypto, wire |", "| `src/stream` | public, base, session |"),
                ("| `src/base` | public |", "| `src/base` | public, crypto |"),
                ("| Layer | Folder |", "| Name | Folder |"),
        ]:
            with self.subTest(new=new):
                self.assertIn(old, text)
                rules.write_text(text.replace(old, new), encoding="utf-8")
                self.assertEqual(self.run_check()[0], 2)


if __name__ == "__main__":
    unittest.main()
