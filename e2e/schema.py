# SPDX-License-Identifier: MIT
"""Goal: what each command prints with --json follows its schema in docs/schema/, and no command is without one.
Method: real output of every command, failures too; a member that its schema does not name is a mistake."""
import json
import pathlib
import re
import signal
import sys

from harness import CONFIG, FAILURE, OK, USAGE, Skip, check, main, same

# Debian's module, also for a python3 that is not Debian's.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import jsonschema
except ImportError:
    jsonschema = None

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs/schema"


def closed(schema):
    """The schema with every object closed: only what it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(part) for key, part in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


def schema(name):
    if jsonschema is None:
        raise Skip("no module jsonschema (tools/install --tests installs python3-jsonschema)")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def follows(command, text, at_least=1):
    """Every line follows the schema of the command, or is a failure; the failures."""
    lines = [json.loads(line) for line in text.splitlines()]
    failures = [line for line in lines if "error" in line]
    check(len(lines) >= at_least, f"{command}: {text!r}")
    for line in lines:
        jsonschema.validate(line, closed(schema("error" if "error" in line else command)))
    return failures


def good(command, result):
    same(OK, result.code, f"{command}: {result}")
    same([], follows(command, result.out), command)


def test_every_command_has_a_schema(bench):
    def leaves(path):
        text = bench.run(*path, "--help").out
        part = text.partition("Subcommands:")[2].partition("\n\n")[0]
        names = re.findall(r"^  ([a-z]+) ", part, re.MULTILINE)
        own = ["-".join(path)] if not names or "Positionals:" in text else []  # chat PEER, beside chat history
        return own + [leaf for name in names for leaf in leaves([*path, name])]

    same(sorted([*leaves([]), "error"]), sorted(file.stem for file in FOLDER.glob("*.json")), "schemas")
    for file in FOLDER.glob("*.json"):
        jsonschema.Draft7Validator.check_schema(schema(file.stem))


def test_a_schema_can_be_broken(_):
    for broken in ('{"disconnected": 5}', '{"disconnected": "x"}', "{}",
                   '{"disconnected": "01234567-89ab-4def-8123-456789abcdef", "more": 1}'):
        try:
            follows("peer-disconnect", broken)
        except jsonschema.ValidationError:
            continue
        check(False, f"taken: {broken}")


def test_without_a_node(bench):
    key = bench.path("key")
    new = ["--json", "identity", "new", "--no-pass-phrase", "--key", key]
    good("identity-new", bench.run(*new))
    good("identity-new", bench.run(*new, "--if-missing"))
    good("identity-show", bench.run("--json", "identity", "show", "--key", key))
    good("identity-passwd", bench.run("--json", "identity", "passwd", "--key", key, "--no-pass-phrase"))
    good("gss-new", bench.run("--json", "gss", "new", bench.path("gss")))
    good("config-keys", bench.run("--json", "config", "keys"))
    good("config-check", bench.run("--json", "config", "check"))
    good("config-show", bench.run("--json", "config", "show", "--effective", "--listen", "127.0.0.1:0"))
    good("doctor", bench.run("--json", "doctor", "--key", key))
    good("completion", bench.run("--json", "completion", "zsh"))
    bad = bench.path("bad.toml")
    bad.write_text("a = 1\nb = 2\n")
    for code, command, arguments in ((CONFIG, "config-check", ["config", "check", bad]),
                                     (USAGE, "status", ["--nonsense"]),
                                     (FAILURE, "doctor", ["doctor", "--key", bench.path("absent")])):
        result = bench.run("--json", *arguments)
        same(code, result.code, f"{result}")
        check(follows(command, result.out), f"no failure: {result}")


def test_with_nodes(bench):
    for folder in ("taken", "into"):
        bench.path(folder).mkdir()
    a, b = bench.node("a", "--receive", bench.path("taken")), bench.node("b")
    follows("node-run", json.dumps({"event": "ready", "address": a.address, "uuid": a.uuid, "control": str(a.control)}))
    watching = a.in_background("status", "--watch", "--interval", "0.2")
    follower = a.in_background("chat", "--follow")
    good("invite", b.do("invite"))
    good("join", bench.run("--json", "join", b.do("invite").json()["invitation"]))
    good("peer-connect", a.do("peer", "connect", b.address))
    good("privacy", a.do("privacy", "3"))
    good("peer-list", a.do("peer", "list"))
    good("status", a.do("status"))
    follows("status", watching.line() + "\n" + watching.line(), 2)
    good("chat", b.do("chat", a.uuid, "--send", "hello"))
    follows("chat", follower.line())
    same([], follows("chat-history", a.do("chat", "history").out), "chat-history")
    good("chat-clear", a.do("chat", "clear"))
    file = bench.make("in.bin", 3_000_000)
    good("file-send", b.do("file", "send", a.uuid, file))
    same([], follows("node-run", json.dumps(a.event("received"))), "what a node says of files")
    check(follows("file-send", b.do("file", "send", a.uuid, bench.make("in.bin", 10)).out), "the name is taken there")
    receiving = b.in_background("file", "receive", "--into", bench.path("into"), "--count", "1")
    follows("file-receive", receiving.line())
    good("file-send", a.do("file", "send", b.uuid, file))
    same(OK, receiving.wait(), "receive")
    lines = []
    while (line := receiving.line()) is not None:
        lines.append(line)
    same([], follows("file-receive", "\n".join(lines), 2), "events of receiving")
    good("peer-disconnect", a.do("peer", "disconnect", b.uuid))
    check(follows("peer-disconnect", a.do("peer", "disconnect", b.uuid).out), "twice is a failure")
    for process in (watching, follower):
        process.stop(signal.SIGINT)


main(globals())
