# SPDX-License-Identifier: MIT
"""Goal: keys leave no trace where they must not: no core file of any command, no swap, none in the memory of a locked
node, none in what a node writes; and a node has its key only as long as the medium with the key file is there.
Method: real processes that are killed, starved of lockable memory, searched through /proc/PID/mem, and robbed of their
key file: moved away, replaced, on a file system that is unmounted (a loop device in a mount namespace of our own)."""
import base64
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import subprocess

from harness import LOCKED, NO_ANSWER, OK, QGATE, WAIT_S, Skip, Terminal, check, main, same

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, PR_CAPBSET_DROP, CAP_IPC_LOCK = 0x20000, 24, 14


def limits_of(pid):
    text = open(f"/proc/{pid}/limits", encoding="ascii").read()
    return re.search(r"Max core file size +(\S+) +(\S+)", text).groups()


def dumps(arguments, cwd, environment=None):
    """Whether a program leaves a core file when it is killed by SEGV."""
    process = subprocess.Popen(arguments, cwd=cwd, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, preexec_fn=lambda: resource.setrlimit(
                                   resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
    process.stdout.readline()  # it is up
    process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGSEGV
    check(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV, f"ended otherwise: {status}")
    return os.WCOREDUMP(status) or any(name.startswith("core") for name in os.listdir(cwd))


def test_no_core_files(bench):
    place = bench.path("place")
    place.mkdir()
    key = bench.path("key")
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    # A sanitizer of the program under test handles SEGV itself.
    environment = {**bench.environment, "ASAN_OPTIONS": "handle_segv=0", "TSAN_OPTIONS": "handle_segv=0"}
    program = os.path.abspath(QGATE)
    check(not dumps([program, "--control", str(bench.path("sock")), "node", "run", "--key", str(key), "--listen",
                     "127.0.0.1:0"], place, environment), "the node left a core file")
    try:
        control = dumps(["sh", "-c", "echo up; read x"], place)
    except PermissionError as error:
        raise Skip(f"no core files may be asked for: {error}") from None
    if not control:
        raise Skip("this system makes no core files at all, so that there is none proves nothing")


def test_no_command_can_be_dumped(bench):
    # To root, everything below /proc is root's anyway.
    user = ["setpriv", "--reuid=65534", "--clear-groups", "--"] if os.getuid() == 0 else []
    bench.folder.chmod(0o755)
    terminal = Terminal(bench, ["identity", "new", "--key", bench.path("key")], program=[*user, os.path.abspath(QGATE)])
    terminal.expect("New pass phrase: ")
    same(("0", "0"), limits_of(terminal.process.pid), "the limit of core files, while a pass phrase is typed")
    # What may not be dumped belongs to root below /proc, whoever runs it.
    same(0, os.stat(f"/proc/{terminal.process.pid}/mem").st_uid, "owner of the memory")


def without_lockable_memory():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    LIBC.prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)


def test_where_memory_can_not_be_locked(bench):
    if os.environ.get("SANITIZER"):
        raise Skip("sanitizers make mlock() do nothing")
    node = bench.node("a", preexec_fn=without_lockable_memory)
    memory = node.do("status").json()["key_memory"]
    check(memory["locked_bytes"] == 0 and memory["unlocked_bytes"] > 0, f"status: {memory}")
    check("may be written to swap" in bench.run("--control", node.control, "status").out, "said to people")
    found = json.loads(node.do("doctor", "--key", node.key).out.splitlines()[0])["findings"]
    finding = next(f for f in found if f["area"] == "key memory")
    check(finding["verdict"] == "warning" and "swap" in finding["says"] and "LimitMEMLOCK" in finding["mend"],
          f"{finding}")
    other = bench.node("b")
    node.connect(other)
    same(OK, node.stop(), "exit code")
    same(1, sum("keys: " in line and "swap" in line for line in node.err), f"warnings in {node.err}")
    same(0, other.do("status").json()["key_memory"]["unlocked_bytes"], "of a node that may lock memory")


def status_of(node):
    """The state, also while one server of the control socket follows the other."""
    result = node.do("status")
    return result.json().get("state") if result.code == OK else None


def is_locked(bench, node, peer):
    same("locked", node.event("locked", "unlocked")["event"], "event")
    node.until(lambda: status_of(node) == "locked", "locked")
    status = node.do("status").json()
    same((0, node.uuid, node.address), (status["peers"], status["uuid"], status["address"]), "what status says")
    check("LOCKED: the key file is gone" in bench.run("--control", node.control, "status").out, "said to people")
    peer.until(lambda: peer.peers() == [], "the session is closed")
    for command in (["peer", "connect", peer.address], ["peer", "list"], ["chat", "--send", "x", peer.uuid]):
        bench.refused(LOCKED, "--control", node.control, *command, says=("locked", "key file"))
    same(NO_ANSWER, peer.do("peer", "connect", "--time-limit", "0.3", node.address).code, "dialling it")


def is_back(node, peer):
    event = node.event("locked", "unlocked")
    same({"event": "unlocked", "address": node.address}, event, "event")
    node.until(lambda: status_of(node) == "running", "running")
    peer.connect(node)
    same([peer.uuid], [p["uuid"] for p in node.peers()], "peers")
    same(OK, peer.do("chat", "--send", "hello again", node.uuid).code, "a line of chat")


def test_key_file_moved_away(bench):
    a, b = bench.node("a"), bench.node("b", "--key-gone", "lock")
    a.connect(b)
    away = b.key.with_name("away")
    for _ in range(2):
        b.key.rename(away)
        is_locked(bench, b, a)
        away.rename(b.key)
        is_back(b, a)
    same(OK, b.stop(), "exit code")


def test_without_the_setting_nothing_happens(bench):
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    b.key.unlink()
    b.send(signal.SIGHUP)  # answered after at least one more look
    b.until(lambda: any("read again" in line for line in b.err), "read again")
    same("running", status_of(b), "state")
    same(OK, a.do("chat", "--send", "still here", b.uuid).code, "a line of chat")


def test_another_key_does_not_unlock(bench):
    a, b = bench.node("a"), bench.node("b", "--key-gone", "lock")
    a.connect(b)
    away = b.key.with_name("away")
    b.key.rename(away)
    is_locked(bench, b, a)
    for contents, says in ((a.key.read_bytes(), "another key"), (b"x" * 100, "damaged")):
        other = b.key.with_name("other")
        other.write_bytes(contents)
        other.chmod(0o600)
        other.rename(b.key)
        b.until(lambda text=says: any("still locked" in line and text in line for line in b.err), says)
        same("locked", status_of(b), "state")
    away.rename(b.key)
    is_back(b, a)


def test_with_a_pass_phrase(bench):
    """One that came by a variable is kept for that; the key is not."""
    a = bench.node("a")
    folder = bench.path("b")
    folder.mkdir()
    key = folder / "key"
    phrase = {"QG_PASS_PHRASE": "words"}
    same(OK, bench.run("identity", "new", "--key", key, environment=phrase).code, "identity new")
    bench.environment.update(phrase)
    b = bench.node("b", "--key-gone", "lock")
    bench.environment.pop("QG_PASS_PHRASE")
    a.connect(b)
    key.rename(folder / "away")
    is_locked(bench, b, a)
    (folder / "away").rename(key)
    is_back(b, a)


def occurrences(pid, needle):
    """How often `needle` is in the memory of a process."""
    count = 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            if line.split()[1][1] != "w":  # neither program text nor guard pages
                continue
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(needle)
            except OSError:
                pass  # [vvar] and the like
    return count


def test_a_locked_node_has_no_key_in_memory(bench):
    if os.getuid() != 0:
        raise Skip("only root may read the memory of a node")
    if os.environ.get("SANITIZER"):
        raise Skip("a sanitizer's shadow memory has terabytes to search")
    a, b = bench.node("a"), bench.node("b", "--key-gone", "lock")
    a.connect(b)
    secret = bytes.fromhex(bench.gss().read_text().strip())
    check(occurrences(b.process.pid, secret) > 0, "a search that finds nothing proves nothing")
    b.key.rename(b.key.with_name("away"))
    is_locked(bench, b, a)
    same(0, occurrences(b.process.pid, secret), "shared secrets in the memory of a locked node")
    b.key.with_name("away").rename(b.key)
    is_back(b, a)


def test_what_a_node_writes_has_no_secret(bench):
    phrase, spoken = "words that open a key", "said to one and to nobody else"
    bench.environment["QG_PASS_PHRASE"] = phrase
    key = bench.path("a") / "key"
    key.parent.mkdir()
    same(OK, bench.run("identity", "new", "--key", key).code, "identity new")
    a, b = bench.node("a", "--log-level", "debug"), bench.node("b", "--log-level", "debug")
    a.connect(b)
    for x, y in ((a, b), (b, a)):
        same(OK, x.do("chat", y.uuid, "--send", spoken).code, "sending")
    same(OK, a.do("peer", "disconnect", b.uuid).code, "disconnect")
    written = [a.do(*command) for command in (("status",), ("peer", "list"), ("doctor",))]
    texts = [part for result in written for part in (result.out, result.err)]
    for node in (a, b):
        node.stop()
        texts += node.err
        while (line := node.line()) is not None:
            texts.append(line)
    text = "\n".join(texts)
    check(f"{b.uuid} is up" in text and "counters" in text, f"a search of nothing proves nothing: {text}")
    secret = bytes.fromhex(bench.gss().read_text().strip())
    forms = [secret.hex(), base64.b64encode(secret).decode()[:-2], base64.urlsafe_b64encode(secret).decode()[:-2]]
    for hidden in (*forms, phrase, spoken):
        check(hidden.lower() not in text.lower(), f"{hidden} was written: {text}")


def run_or_skip(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=WAIT_S)
    if done.returncode != 0:
        raise Skip(f"{command[0]}: {done.stderr.strip()}")


def test_a_medium_that_is_unmounted(bench):
    if os.getuid() != 0 or LIBC.unshare(CLONE_NEWNS) != 0:
        raise Skip("no mount namespace without privilege")
    run_or_skip("mount", "--make-rprivate", "/")
    place = bench.path("b")
    place.mkdir()
    medium = bench.path("medium")
    with open(medium, "wb") as file:
        file.truncate(2 << 20)
    if shutil.which("mkfs.ext4") is None:
        raise Skip("no mkfs.ext4")
    run_or_skip("mkfs.ext4", "-q", medium)
    stick = place / "stick"
    stick.mkdir()
    loop = subprocess.run(["mount", "-o", "loop", medium, stick], capture_output=True, check=False).returncode == 0
    source = ["-o", "loop", medium] if loop else ["--bind", bench.path("folder")]
    if not loop:
        print("no loop device here: a bind mount has to do")
        bench.path("folder").mkdir()
        run_or_skip("mount", *source, stick)
    key = stick / "key"
    same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    (place / "key").symlink_to(key)
    a, b = bench.node("a"), bench.node("b", "--key-gone", "lock")
    a.connect(b)
    try:
        for lazy in ([], ["--lazy"]):
            run_or_skip("umount", *lazy, stick)
            is_locked(bench, b, a)
            run_or_skip("mount", *source, stick)
            is_back(b, a)
        b.stop()
    finally:
        subprocess.run(["umount", "--lazy", stick], capture_output=True, check=False)


main(globals())
