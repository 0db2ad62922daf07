# SPDX-License-Identifier: MIT
"""Goal: the pass phrase of a key file can be added, changed and removed, and the key is never lost or shown.
Method: real processes; on a terminal of our own where it is asked for."""
import os
import signal
import stat

from harness import EXISTS, KEY_FILE, OK, PASS_PHRASE, USAGE, Terminal, check, main, same


def new_key(bench, *options, **environment):
    key = bench.path("key")
    made = bench.run("--json", "identity", "new", "--key", key, *options, environment=environment)
    same(OK, made.code, f"identity new: {made}")
    return key, made.json()["uuid"]


def opens_with(bench, key, phrase, uuid):
    environment = {"QG_PASS_PHRASE": phrase} if phrase else {}
    shown = bench.run("--json", "identity", "show", "--key", key, environment=environment)
    same((OK, uuid), (shown.code, shown.json().get("uuid")), f"opening with {phrase!r}: {shown}")


def test_add_change_and_remove(bench):
    key, uuid = new_key(bench, "--no-pass-phrase")
    phrase = bench.path("phrase")
    phrase.write_text("first\n")
    passwd = ["identity", "passwd", "--key", key]
    same(OK, bench.run(*passwd, "--new-pass-phrase-file", phrase).code, "adding one")
    opens_with(bench, key, "first", uuid)
    changed = bench.run("--json", *passwd, environment={"QG_PASS_PHRASE": "first", "QG_NEW_PASS_PHRASE": "second"})
    same((OK, {"key_file": str(key), "pass_phrase": True}), (changed.code, changed.json()), "changing it")
    opens_with(bench, key, "second", uuid)
    same(0o600, stat.S_IMODE(key.stat().st_mode), "mode")
    bench.refused(PASS_PHRASE, *passwd, "--no-pass-phrase", environment={"QG_PASS_PHRASE": "first"}, says="wrong")
    same(OK, bench.run(*passwd, "--no-pass-phrase", environment={"QG_PASS_PHRASE": "second"}).code, "removing it")
    opens_with(bench, key, None, uuid)
    same(sorted([key.name, "phrase"]), sorted(f.name for f in bench.folder.iterdir() if f.is_file()), "nothing else")


def test_refusals_leave_the_file(bench):
    key, uuid = new_key(bench, QG_PASS_PHRASE="first")
    before = key.read_bytes()
    passwd = ["identity", "passwd", "--key", key]
    old = {"QG_PASS_PHRASE": "first"}
    bench.refused(PASS_PHRASE, *passwd, environment={**old, "QG_NEW_PASS_PHRASE": ""}, says="empty")
    bench.refused(PASS_PHRASE, *passwd, environment={**old, "QG_NEW_PASS_PHRASE": "x" * 1025}, says="1024 bytes")
    bench.refused(USAGE, *passwd, environment=old, says=("no terminal", "--new-pass-phrase-file"))
    bench.refused(KEY_FILE, *passwd, "--new-pass-phrase-file", bench.path("absent"), environment=old, says="absent")
    bench.refused(USAGE, *passwd, "--new-pass-phrase-file", "x", "--no-pass-phrase", environment=old)
    bench.refused(KEY_FILE, "identity", "passwd", "--key", bench.path("absent"), says="does not exist")
    same(before, key.read_bytes(), "the key file")
    opens_with(bench, key, "first", uuid)


def test_descriptor_instead_of_file(bench):
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe\nmore")
    os.close(writing)
    key = bench.path("key")
    made = bench.run("--json", "identity", "new", "--key", key, "--pass-phrase-file", f"/dev/fd/{reading}",
                     pass_fds=[reading])
    same(OK, made.code, f"identity new: {made}")
    os.close(reading)
    opens_with(bench, key, "through a pipe", made.json()["uuid"])


def test_only_if_missing(bench):
    key, uuid = new_key(bench, "--no-pass-phrase", "--if-missing")
    again = bench.run("--json", "identity", "new", "--key", key, "--if-missing", "--no-pass-phrase")
    same((OK, {"key_file": str(key), "made": False}), (again.code, again.json()), "the second time")
    opens_with(bench, key, None, uuid)
    bench.refused(EXISTS, "identity", "new", "--key", key, "--no-pass-phrase")


def test_asked_on_the_terminal_without_echo(bench):
    key = bench.path("key")
    terminal = Terminal(bench, ["identity", "new", "--key", key])
    terminal.expect("New pass phrase: ")
    terminal.type("secret words\n")
    terminal.expect("Once more: ")
    terminal.type("secret words\n")
    terminal.expect("Fingerprint")
    same(OK, terminal.wait(), "exit code")
    check("secret" not in terminal.seen, f"shown: {terminal.seen}")
    check(terminal.echoes(), "the echo is on again")
    terminal = Terminal(bench, ["identity", "passwd", "--key", key])
    terminal.expect("Pass phrase: ")
    terminal.type("secret words\n")
    terminal.expect("New pass phrase: ")
    terminal.type("other words\n")
    terminal.expect("Once more: ")
    terminal.type("another word\n")
    terminal.expect("differ")
    same(PASS_PHRASE, terminal.wait(), "exit code")


def test_interrupt_gives_the_echo_back(bench):
    key, _ = new_key(bench, QG_PASS_PHRASE="first")
    terminal = Terminal(bench, ["identity", "show", "--key", key])
    terminal.expect("Pass phrase: ")
    check(not terminal.echoes(), "no echo while it asks")
    terminal.type("\x03")
    same(-signal.SIGINT, terminal.wait(), "ended by the signal")
    check(terminal.echoes(), "the echo is on again")


main(globals())
