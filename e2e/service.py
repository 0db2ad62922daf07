# SPDX-License-Identifier: MIT
"""Goal: a node is a well-behaved service: it says when it is ready, reloads on HUP, says when it stops, is watched, and
its units are valid and closed.
Method: the test plays systemd's part of sd_notify(3) on a socket of its own; systemd-analyze reads the built units."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from harness import OK, QGATE, WAIT_S, Process, Skip, check, main, same

UNITS = pathlib.Path(QGATE).parent / "lib/systemd/system"
SOURCE = pathlib.Path(__file__).resolve().parents[1]


class Manager:
    """Listens to one service, as systemd does."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(WAIT_S)

    def hears(self, wanted):
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            if wanted in lines:
                return lines


def start(bench, notify, **environment):
    key = bench.path("key")
    if not key.exists():
        same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", key).code, "identity new")
    bench.environment.update(NOTIFY_SOCKET=notify, **environment)
    return Process(bench, ["--json", "node", "run", "--key", str(key), "--listen", "127.0.0.1:0"])


def test_ready_reload_stop(bench):
    for name, notify in ((str(bench.path("notify")), str(bench.path("notify"))),
                         (f"\0qg-{os.getpid()}", f"@qg-{os.getpid()}")):
        manager = Manager(name)
        node = start(bench, notify)
        address = node.event("ready")["address"]
        check(f"STATUS={address}" in manager.hears("READY=1"), "status")
        node.send(signal.SIGHUP)
        check(manager.hears("RELOADING=1")[1].startswith("MONOTONIC_USEC="), "time of the reload")
        manager.hears("READY=1")
        node.send(signal.SIGTERM)
        manager.hears("STOPPING=1")
        same(OK, node.wait(), "exit code")


def test_not_ready_if_it_can_not_listen(bench):
    manager = Manager(str(bench.path("notify")))
    bench.environment["XDG_RUNTIME_DIR"] = str(bench.path("absent"))
    node = start(bench, str(bench.path("notify")))
    check(node.wait() != OK, "it ends")
    manager.socket.setblocking(False)
    try:
        said = manager.socket.recv(4096)
    except BlockingIOError:
        said = None
    same(None, said, "nothing was told")


def test_watchdog(bench):
    manager = Manager(str(bench.path("notify")))
    node = start(bench, str(bench.path("notify")), WATCHDOG_USEC="200000")
    manager.hears("READY=1")
    for _ in range(3):
        manager.hears("WATCHDOG=1")
    node.send(signal.SIGTERM)
    same(OK, node.wait(), "exit code")


def test_hup_takes_over_what_it_can(bench):
    file = bench.path("config/qgate/qgate.toml")
    file.parent.mkdir(parents=True)
    file.write_text('log_level = "warning"\n')
    manager = Manager(str(bench.path("notify")))
    node = start(bench, str(bench.path("notify")))
    manager.hears("READY=1")

    def reload(text):
        said = len(node.err)
        file.write_text(text)
        node.send(signal.SIGHUP)
        manager.hears("RELOADING=1")
        manager.hears("READY=1")
        return said

    reload('log_level = "info"\nnetwork = "other"\n')
    reload('log_level = "info"\nlisen = "x"\n')
    reload('log_level = "error"\nnetwork = "quantumgate"\n')
    reload('log_level = "error"\nsessions_max = 5\n')
    same(OK, node.stop(), "exit code")
    said = "\n".join(node.err)
    same(1, said.count("network has changed; restart the node"), said)
    same(1, said.count("read again; log_level is info."), said)
    check(f"{file}:2: unknown key 'lisen'. Did you mean 'listen'? Nothing was taken over." in said, said)
    check("sessions_max" not in said and "log_level is error" not in said, f"the new level holds: {said}")


def analyze(*arguments):
    if shutil.which("systemd-analyze") is None:
        raise Skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=WAIT_S,
                          check=False)


def units(bench):
    """The built units with the path of the program that was built."""
    for name in ("qgate.service", "qgate@.service"):
        text = (UNITS / name).read_text()
        program = text.partition("ExecStart=")[2].split()[0]
        check(program.endswith("/bin/qgate"), program)
        unit = bench.path(name.replace("@", "@work"))
        unit.write_text(text.replace(program, str(pathlib.Path(QGATE).resolve())))
        yield unit


def test_units_are_valid(bench):
    for unit in units(bench):
        done = analyze("verify", "--man=no", "--recursive-errors=no", unit)
        own = [line for line in done.stderr.splitlines() if "qgate" in line]
        same([], own, f"{unit.name}: {done.stderr}")


def system_calls(*groups):
    """The names in these groups of system calls, and in the groups that they name."""
    found = set()
    for group in groups:
        done = analyze("syscall-filter", "--no-pager", group)
        names = {line.strip() for line in done.stdout.splitlines()[1:] if line.startswith(" ") and "#" not in line}
        found |= {name for name in names if not name.startswith("@")}
        found |= system_calls(*(name for name in names if name.startswith("@") and name != group))
    return found


def test_the_sandbox_allows_what_a_node_does(bench):
    if shutil.which("strace") is None:
        raise Skip("strace is not installed (tools/install --tests installs it)")
    if os.environ.get("SANITIZER"):
        raise Skip("a sanitizer makes system calls of its own, and does not work under strace")
    lines = [line.partition("=")[2] for line in (SOURCE / "packaging/systemd/sandbox.conf").read_text().splitlines()
             if line.startswith("SystemCallFilter=")]
    allowed = system_calls(*lines[0].split()) - system_calls(*lines[1].lstrip("~").split())
    check(len(lines) == 2 and len(allowed) > 200, f"{lines}: {len(allowed)}")
    trace = bench.path("trace")
    bench.path("in").mkdir()
    a = bench.node("a", "--receive", bench.path("in"), wrapper=["strace", "-f", "-qq", "-o", str(trace)])
    b = bench.node("b")
    b.connect(a)
    same(OK, b.do("file", "send", a.uuid, bench.make("file", 100_000)).code, "file send")
    same(OK, b.do("chat", a.uuid, "--send", "hello").code, "chat")
    # strace itself does not let a signal through.
    children = pathlib.Path(f"/proc/{a.process.pid}/task/{a.process.pid}/children")
    os.kill(int(children.read_text()), signal.SIGTERM)
    same(OK, a.wait(), "exit code")
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    check({"bind", "recvmmsg", "openat"} & used, f"{used}")
    same(set(), used - allowed, "system calls that the unit would refuse")


def test_units_are_closed(bench):
    for unit in units(bench):
        done = analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit)
        if "Unknown" in done.stderr or "unrecognized" in done.stderr:
            raise Skip(f"this systemd-analyze can not read a unit offline: {done.stderr}")
        same(OK, done.returncode, f"exposure above 2.0: {done.stdout[-300:]} {done.stderr}")


def test_settings_of_the_package(bench):
    result = bench.run("config", "check", SOURCE / "packaging/systemd/qgate.toml")
    same(OK, result.code, f"{result}")


main(globals())
