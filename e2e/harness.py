# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: real qgate processes in a folder of their own, every wait bounded.

A test file calls main(globals()) and is run as `python3 FILE NAME`, with the program in QGATE. Exit code 77: skipped.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time

QGATE = os.environ.get("QGATE", "build/dev/qgate")
WAIT_S = 100  # for anything; most takes well under a second, but a lost peer is noticed late (idle limit: 60 s)

# The exit codes of qgate(1).
(OK, FAILURE, USAGE, KEY_FILE, PASS_PHRASE, ADDRESS, LISTEN, NO_NODE, NO_ANSWER, NOT_CONNECTED, TRANSFER, EXISTS,
 CONFIG, LOCKED) = range(14)


class Skip(Exception):
    pass


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def same(expected, got, what):
    check(expected == got, f"{what}: expected {expected!r}, got {got!r}")


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out.splitlines()[-1])

    def __str__(self):
        return f"exit code {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class Process:
    """A program in the background; its lines are read by threads, so no pipe fills up."""

    def __init__(self, bench, arguments, wrapper=(), **options):
        self.process = subprocess.Popen([*wrapper, QGATE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=bench.environment, **options)
        bench.processes.append(self)
        self.lines = queue.Queue()
        self.err = []
        self.readers = [threading.Thread(target=self._read_out, daemon=True),
                        threading.Thread(target=self._read_err, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_out(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_err(self):
        for line in self.process.stderr:
            self.err.append(line.rstrip("\n"))

    def line(self):
        """The next line on stdout; None at its end."""
        try:
            return self.lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no line within {WAIT_S} s; stderr: {self.err}") from None

    def event(self, *names):
        """The next JSON line whose "event" is one of `names` (or that has an "error")."""
        while True:
            line = self.line()
            check(line is not None, f"ended before {names}; stderr: {self.err}")
            event = json.loads(line)
            if event.get("event") in names or "error" in event:
                return event

    def send(self, signal_number):
        self.process.send_signal(signal_number)

    def wait(self):
        code = self.process.wait(timeout=WAIT_S)
        for reader in self.readers:
            reader.join(timeout=WAIT_S)
        return code

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            self.send(signal_number)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Terminal:
    """A program that has a terminal of its own, COLUMNS x LINES; what it shows is kept in `seen`."""
    COLUMNS, LINES = 80, 24

    def __init__(self, bench, arguments, program=None, environment=None):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (self.LINES, self.COLUMNS))
        self.slave = slave  # kept open: what the program leaves of its modes can be looked at
        self.seen = ""
        self.process = subprocess.Popen(
            [*(program or [QGATE]), *map(str, arguments)], stdin=slave, stdout=slave, stderr=slave,
            env={**bench.environment, "TERM": "xterm", **(environment or {})}, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        bench.processes.append(self)
        self.err = []

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, end):
        check(time.monotonic() < end, f"not within {WAIT_S} s; seen: {self.seen!r}")
        if select.select([self.master], [], [], 0.1)[0]:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
            return True
        return False

    def expect(self, text, since=0):
        """Waits until `text` is seen behind position `since`; returns the position behind it."""
        end = time.monotonic() + WAIT_S
        while text not in self.seen[since:]:
            if not self.read(end):
                check(self.process.poll() is None or self.read(end), f"ended before {text!r}; seen: {self.seen!r}")
        return self.seen.index(text, since) + len(text)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait(self):
        end = time.monotonic() + WAIT_S
        while self.process.poll() is None:
            self.read(end)
        while self.read(end):
            pass
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Node(Process):
    def __init__(self, bench, name, *options, listen="127.0.0.1:0", gss=True, **popen):
        self.bench, self.name = bench, name
        self.folder = bench.path(name)
        self.folder.mkdir(exist_ok=True)
        self.key = self.folder / "key"
        self.control = self.folder / "sock"
        if not self.key.exists():
            same(OK, bench.run("identity", "new", "--no-pass-phrase", "--key", self.key).code, "identity new")
        arguments = ["--json", "--control", str(self.control), "node", "run", "--key", str(self.key),
                     "--listen", listen]
        if gss:
            arguments += ["--gss", str(bench.gss())]
        super().__init__(bench, [str(a) for a in [*arguments, *options]], **popen)
        ready = json.loads(self.line() or "null")
        check(ready and ready.get("event") == "ready", f"{name} is not ready: {ready} {self.err}")
        self.address, self.uuid = ready["address"], ready["uuid"]
        self.port = int(self.address.rsplit(":", 1)[1])

    def do(self, *arguments, **options):
        return self.bench.run("--json", "--control", self.control, *arguments, **options)

    def in_background(self, *arguments):
        return Process(self.bench, ["--json", "--control", str(self.control), *map(str, arguments)])

    def connect(self, other):
        result = self.do("peer", "connect", other.address)
        same(OK, result.code, f"connecting: {result}")
        return result.json()["peer"]

    def peers(self):
        return self.do("peer", "list").json()["peers"]

    def counters(self):
        return self.do("status").json()["counters"]

    def until(self, condition, what):
        """Asks again until the node says so: it learns of the world when datagrams come."""
        end = time.monotonic() + WAIT_S
        while not condition():
            check(time.monotonic() < end, f"{self.name}: not within {WAIT_S} s: {what}")
            time.sleep(0.02)

    def receiving(self, folder, *options):
        process = self.in_background("file", "receive", "--into", folder, *options)
        same("accepting", process.event("accepting")["event"], "receive")
        return process


class Bench:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="qg_e2e_"))
        self.processes = []
        # Nothing of whoever runs the tests: no variables, no home, no configuration of the machine.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("QG_", "XDG_"))}
        (self.folder / "system" / "qgate").mkdir(parents=True)
        (self.folder / "system" / "qgate" / "qgate.toml").touch()
        own = {"HOME": "home", "XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state",
               "XDG_CONFIG_DIRS": "system"}
        self.environment = {**kept, **{name: str(self.folder / below) for name, below in own.items()}}

    def path(self, name):
        return self.folder / name

    def gss(self):
        file = self.path("gss")
        if not file.exists():
            same(OK, self.run("gss", "new", file).code, "gss new")
        return file

    def run(self, *arguments, stdin="", environment=None, wait_s=WAIT_S, pass_fds=()):
        done = subprocess.run([QGATE, *map(str, arguments)], input=stdin, text=True, capture_output=True,
                              timeout=wait_s, env={**self.environment, **(environment or {})}, check=False,
                              pass_fds=pass_fds, start_new_session=True)  # no terminal to ask a pass phrase on
        return Result(done.returncode, done.stdout, done.stderr)

    def refused(self, code, *arguments, says=(), **options):
        """The command fails with `code` and one clear line, which holds each of `says`; in JSON too."""
        result = self.run(*arguments, **options)
        same(code, result.code, f"exit code of {arguments}: {result}")
        lines = result.err.splitlines()
        same(1, len(lines), f"lines on stderr: {result}")
        check(lines[0].startswith("qgate: ") and lines[0].endswith((".", "?")), f"not a sentence: {lines[0]}")
        for part in [says] if isinstance(says, str) else says:
            check(part in lines[0], f"'{part}' is missing: {lines[0]}")
        return result

    def node(self, name, *options, **keywords):
        return Node(self, name, *options, **keywords)

    def pair(self, **keywords):
        """Two connected nodes."""
        a, b = self.node("a", **keywords), self.node("b", **keywords)
        a.connect(b)
        return a, b

    def make(self, name, size):
        file = self.path(name)
        with open(file, "wb") as out:
            left = size
            while left:
                left -= out.write(os.urandom(min(left, 1 << 20)))
        return file

    def close(self):
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_empty(folder):
    return not any(pathlib.Path(folder).iterdir())


def main(tests):
    """Runs the tests named on the command line, or all."""
    names = sys.argv[1:] or [name for name in tests if name.startswith("test_")]
    skipped = 0
    for name in names:
        bench = Bench()
        try:
            tests[name](bench)
            print(f"passed: {name}")
        except Skip as reason:
            print(f"SKIPPED: {name}: {reason}")
            skipped += 1
        except BaseException:
            for process in bench.processes:
                process.kill()
                print(f"--- {process.process.args}: exit code {process.process.returncode}, stderr:",
                      *process.err[-20:], sep="\n", file=sys.stderr)
            raise
        finally:
            with contextlib.suppress(Exception):
                bench.close()
    sys.exit(77 if skipped == len(names) else 0)
