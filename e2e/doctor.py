# SPDX-License-Identifier: MIT
"""Goal: `doctor` finds what keeps a node from working, says how to mend it, and finds nothing where all is well.
Method: real mistakes, one at a time."""
import json
import socket

from harness import FAILURE, OK, check, main, same


def findings(bench, *options, code=OK, environment=None):
    result = bench.run("--json", "doctor", *options, environment=environment)
    same(code, result.code, f"exit code: {result}")
    found = {}
    for finding in json.loads(result.out.splitlines()[0])["findings"]:
        found.setdefault(finding["area"], []).append(finding)
    return found


def key_of(bench):
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    return key


def one(found, area, verdict, *says):
    for finding in found[area]:
        if finding["verdict"] == verdict and all(s in finding["says"] + finding["mend"] for s in says):
            check(verdict == "ok" or finding["mend"] or area == "settings", f"no mend: {finding}")
            return
    check(False, f"no {verdict} {says}: {found[area]}")


def test_nothing_to_find(bench):
    options = ["--key", key_of(bench), "--gss", bench.gss(), "--listen", "127.0.0.1:0", "--receive", bench.folder]
    found = findings(bench, *options)
    for area in ("settings", "key", "secret", "receive", "listen", "random"):
        one(found, area, "ok")
    one(found, "node", "warning", "no node answers", "qgate node run")
    check({"clock", "key memory", "receiving", "sending"} <= set(found), f"{found}")


def test_a_running_node(bench):
    node = bench.node("a")
    found = findings(bench, "--control", node.control, "--key", node.key, "--listen", f"127.0.0.1:{node.port}")
    one(found, "node", "ok", "running for")
    one(found, "listen", "ok", "not tried")


def test_each_mistake(bench):
    key = key_of(bench)
    absent = findings(bench, "--key", bench.path("absent"), code=FAILURE)
    one(absent, "key", "problem", "does not exist", "identity new")
    key.chmod(0o644)
    one(findings(bench, "--key", key, code=FAILURE), "key", "problem", "chmod 600")
    key.chmod(0o600)
    one(findings(bench, "--key", key), "listen", "warning", "no address", "--listen")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        one(findings(bench, "--key", key, "--listen", place, code=FAILURE), "listen", "problem", place, "in use")
    one(findings(bench, "--key", key, "--listen", "203.0.113.1:0", code=FAILURE), "listen", "problem", "203.0.113.1")
    one(findings(bench, "--key", key, "--receive", key, code=FAILURE), "receive", "problem", "no folder")
    one(findings(bench, "--key", key, "--gss", key, code=FAILURE), "secret", "problem", "damaged")
    phrase = bench.path("phrase")
    phrase.write_text("x\n")
    phrase.chmod(0o644)
    one(findings(bench, "--key", key, "--pass-phrase-file", phrase), "pass phrase", "warning", "chmod 600")
    file = bench.path("bad.toml")
    file.write_text("lisen = 1\n")
    one(findings(bench, "--key", key, "--config", file, code=FAILURE), "settings", "problem", f"{file}:1", "listen")
    one(findings(bench, "--key", key, environment={"QG_LISTN": "1"}), "settings", "warning", "QG_LISTEN")


def test_what_people_see(bench):
    key = key_of(bench)
    result = bench.run("doctor", "--key", key, "--listen", "203.0.113.1:0")
    same(FAILURE, result.code, "exit code")
    check("problem  listen       203.0.113.1:0: " in result.out and "-> " in result.out, result.out)
    check(result.err.startswith("qgate: 1 problem keeps a node from working."), result.err)
    check("ok       key" not in bench.run("-q", "doctor", "--key", key).out, "quiet: only what matters")


main(globals())
