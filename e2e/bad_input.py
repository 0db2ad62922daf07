# SPDX-License-Identifier: MIT
"""Goal: bad input gets one clear line that says how to mend it, and an exit code of its own.
Method: real processes; each case looks at exit code, the line, and what was left behind."""
import os
import socket
import stat

from harness import (ADDRESS, EXISTS, KEY_FILE, LISTEN, NO_ANSWER, NO_NODE, NOT_CONNECTED, OK, PASS_PHRASE, USAGE, Skip,
                     check, main, same)


def dialled_in_vain(bench, dial_options, listen_options, address=lambda a: a, gss=True):
    """The dialling side learns after its time limit that nobody answered; the other says at most one line."""
    a, b = bench.node("a", *dial_options, gss=gss), bench.node("b", *listen_options, gss=gss)
    before = len(b.err)
    result = a.do("peer", "connect", address(b.address), "--time-limit", "2")
    same(NO_ANSWER, result.code, f"exit code: {result}")
    error = result.json()["error"]
    same("no_answer", error["code"], "name of the error")
    for hint in ("no such node answered", "within 2 s", "UUID", "network name", "shared secret"):
        check(hint in error["message"], f"'{hint}' is missing: {error}")
    same([], b.peers(), "peers of the other side")
    same(OK, b.stop(), "exit code of the other side")
    check(len(b.err) - before <= 1, f"the other side said: {b.err[before:]}")


def test_wrong_shared_secret(bench):
    for name in ("one", "two"):
        same(OK, bench.run("gss", "new", bench.path(name)).code, "gss new")
    dialled_in_vain(bench, ["--gss", bench.path("one")], ["--gss", bench.path("two")], gss=False)


def test_shared_secret_on_one_side_only(bench):
    dialled_in_vain(bench, [], ["--gss", bench.gss()], gss=False)


def test_wrong_network_name(bench):
    dialled_in_vain(bench, ["--network", "one"], ["--network", "two"])


def test_wrong_uuid(bench):
    stranger = bench.run("--json", "identity", "new", "--no-pass-phrase", "--key", bench.path("stranger")).json()
    dialled_in_vain(bench, [], [], lambda address: stranger["address"] + address[address.index("@"):])


def test_nobody_listens(bench):
    a = bench.node("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        stranger = bench.run("--json", "identity", "new", "--no-pass-phrase", "--key", bench.path("s")).json()
        address = f"{stranger['address']}@127.0.0.1:{silent.getsockname()[1]}"
        result = a.do("peer", "connect", address, "--time-limit", "1")
    same(NO_ANSWER, result.code, f"exit code: {result}")


def test_port_in_use(bench):
    a = bench.node("a")
    bench.refused(LISTEN, "--control", bench.path("sock"), "node", "run", "--key", a.key, "--listen",
                  f"127.0.0.1:{a.port}", says=("in use", str(a.port), "another port"))
    check(not bench.path("sock").exists(), "a control socket was left behind")


def test_control_socket_in_use(bench):
    a = bench.node("a")
    bench.refused(LISTEN, "--control", a.control, "node", "run", "--key", a.key, "--listen", "127.0.0.1:0",
                  says=("another node answers", "--control"))
    same(OK, a.do("status").code, "the first node still answers")


def test_stale_control_socket(bench):
    a = bench.node("a")
    a.kill()
    check(a.control.exists(), "a killed node leaves its socket")
    bench.refused(NO_NODE, "--control", a.control, "status", says="qgate node run")
    again = bench.node("a")
    same(OK, again.do("status").code, "the new node answers")
    same(OK, again.stop(), "exit code")
    check(not again.control.exists(), "a stopped node leaves no socket")


def test_no_node(bench):
    for command in (["status"], ["peer", "list"], ["chat", "--follow"], ["file", "receive", "--into", "/tmp"]):
        bench.refused(NO_NODE, *command, says=("no node answers", "qgate node run"))


def run_with_key(bench, code, key, says, **options):
    bench.refused(code, "node", "run", "--key", key, "--listen", "127.0.0.1:0", says=says, **options)
    bench.refused(code, "identity", "show", "--key", key, says=says, **options)


def test_key_file_missing(bench):
    run_with_key(bench, KEY_FILE, bench.path("absent"), ("does not exist", "identity new"))


def test_key_file_unreadable(bench):
    run_with_key(bench, KEY_FILE, bench.folder, str(bench.folder))  # a folder is no file that can be read
    if os.geteuid() == 0:
        raise Skip("root reads every file, so mode 000 shows nothing; the case of a folder passed")
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    key.chmod(0)
    run_with_key(bench, KEY_FILE, key, "permission denied")


def test_key_file_too_open(bench):
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    same(0o600, stat.S_IMODE(key.stat().st_mode), "mode of a new key file")
    for mode in (0o644, 0o640, 0o604, 0o620):
        key.chmod(mode)
        run_with_key(bench, KEY_FILE, key, ("can be read by others", f"chmod 600 {key}"))


def test_key_file_damaged(bench):
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    whole = key.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:],
                    whole[:-1] + bytes([whole[-1] ^ 1]), b"\0" * len(whole)):
        key.write_bytes(damaged)
        run_with_key(bench, KEY_FILE, key, "damaged")


def test_wrong_pass_phrase(bench):
    key, phrase = bench.path("key"), bench.path("phrase")
    phrase.write_text("correct horse\nsecond line\n")
    same(OK, bench.run("identity", "new", "--key", key, "--pass-phrase-file", phrase).code, "identity new")
    shown = bench.run("--json", "identity", "show", "--key", key, environment={"QG_PASS_PHRASE": "correct horse"})
    same(OK, shown.code, f"the right one: {shown}")
    run_with_key(bench, PASS_PHRASE, key, ("wrong pass phrase", "Try again"), environment={"QG_PASS_PHRASE": "battery"})
    run_with_key(bench, USAGE, key, ("no terminal", "--pass-phrase-file"))
    bench.refused(PASS_PHRASE, "identity", "new", "--key", bench.path("k2"), environment={"QG_PASS_PHRASE": ""},
                  says="empty")
    check(not bench.path("k2").exists(), "no key file without a pass phrase")


def test_key_file_is_not_replaced(bench):
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    before = key.read_bytes()
    bench.refused(EXISTS, "identity", "new", "--no-pass-phrase", "--key", key, says="exists already")
    same(before, key.read_bytes(), "content of the key file")
    bench.refused(EXISTS, "gss", "new", key, says="exists already")
    same(before, key.read_bytes(), "content of the key file")


def test_shared_secret_file(bench):
    a = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", a).code, "identity new")
    start = ["node", "run", "--key", a, "--listen", "127.0.0.1:0", "--gss"]
    bench.refused(KEY_FILE, *start, bench.path("absent"), says="does not exist")
    gss = bench.gss()
    same(0o600, stat.S_IMODE(gss.stat().st_mode), "mode of a new secret file")
    gss.chmod(0o644)
    bench.refused(KEY_FILE, *start, gss, says=("can be read by others", "chmod 600"))
    gss.chmod(0o600)
    gss.write_text("abc\n")
    bench.refused(KEY_FILE, *start, gss, says="damaged")


def test_bad_address(bench):
    a = bench.node("a")
    right = a.address
    uuid, check_group = right[5:41], right[42:44]
    at = right[right.index("@"):]
    typo = "0" if uuid[0] != "0" else "1"
    mistyped = f"qg://{typo}{uuid[1:]}-{check_group}{at}"
    bench.refused(ADDRESS, "--control", a.control, "peer", "connect", mistyped, says=("typing error", "Compare it"))
    for text in ("", "nonsense", "qg://", f"qg://{uuid}", "http://example.org", f"qg://{uuid}-{check_group}@",
                 right + "0000",
                 f"qg://{uuid}-{check_group}@host:0", f"qg://{uuid}-{check_group}@[::1:5"):
        bench.refused(ADDRESS, "--control", a.control, "peer", "connect", text)
    bench.refused(ADDRESS, "--control", a.control, "peer", "connect", f"qg://{uuid}-{check_group}", says="no host")


def test_bad_flag(bench):
    for arguments in (["--nonsense"], ["nonsense"], [], ["node"], ["node", "run"], ["peer", "connect"],
                      ["peer", "connect", "x", "--time-limit", "0"], ["peer", "connect", "x", "--time-limit", "soon"],
                      ["peer", "connect", "x", "--time-limit", "nan"], ["join"], ["file", "send", "x"],
                      ["file", "receive"], ["chat"]):
        bench.refused(USAGE, *arguments)
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    for listen in ("localhost", "127.0.0.1", "127.0.0.1:99999", "203.0.113.1:0"):
        bench.refused(USAGE, "node", "run", "--key", key, "--listen", listen)
    bench.refused(USAGE, "node", "run", "--key", key, "--listen", "127.0.0.1:0", "--network", "x" * 65, says="64 bytes")
    bench.refused(USAGE, "node", "run", "--key", key, "--listen", "127.0.0.1:0", "--receive", bench.path("absent"))
    result = bench.run("--json", "peer", "connect")
    same((USAGE, "usage", ""), (result.code, result.json()["error"]["code"], result.err), "errors in JSON")
    same(OK, bench.run("--help").code, "help")


def test_peer_that_is_not_connected(bench):
    a, b = bench.node("a"), bench.node("b")
    file = bench.make("x", 10)
    for command in (["peer", "disconnect", b.uuid], ["chat", b.uuid, "--send", "x"], ["file", "send", b.uuid, file]):
        result = a.do(*command)
        same(NOT_CONNECTED, result.code, f"{command}: {result}")
    same(USAGE, a.do("chat", b.uuid[:8], "--send", "x").code, "prefixes only at a terminal")
    same(USAGE, a.do("file", "send", b.uuid, bench.path("absent")).code, "no such file")


main(globals())
