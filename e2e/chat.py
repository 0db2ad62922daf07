# SPDX-License-Identifier: MIT
"""Goal: lines reach the other side, in both directions, and never steer its terminal.
What was said is remembered, sealed, and forgotten when told.
Method: real processes; one-shot sending, following, the conversation on pipes and on a terminal of our own."""
import json
import os
import pty
import select
import stat
import subprocess
import termios
import time

from harness import NOT_CONNECTED, OK, QGATE, TRANSFER, USAGE, WAIT_S, Process, check, main, same


def test_both_ways(bench):
    a, b = bench.pair()
    followers = {node: node.in_background("chat", "--follow") for node in (a, b)}
    for x, y in ((a, b), (b, a), (a, b)):
        text = f"from {x.name}: grüß dich, 漢字"
        result = x.do("chat", y.uuid, "--send", text)
        same((OK, {"delivered": True}), (result.code, result.json()), "sending")
        for node, outgoing in ((x, True), (y, False)):
            line = followers[node].event("line")
            same((text, outgoing), (line["text"], line["outgoing"]), f"what {node.name} follows")


def test_late_readers_see_the_past(bench):
    a, b = bench.pair()
    for i in range(3):
        same(OK, a.do("chat", b.uuid, "--send", f"line {i}").code, "sending")
    follower = b.in_background("chat", "--follow")
    same(["line 0", "line 1", "line 2"], [follower.event("line")["text"] for _ in range(3)], "history")


def test_address_dials_first(bench):
    a, b = bench.node("a"), bench.node("b")
    same(OK, a.do("chat", b.address, "--send", "hello").code, "chat with an address")
    same([b.uuid], [p["uuid"] for p in a.peers()], "peers")


def test_conversation(bench):
    a, b = bench.pair()
    talk = b.in_background("chat", a.uuid)
    talk.process.stdin.write("one\ntwo\n\n")
    talk.process.stdin.flush()
    follower = a.in_background("chat", "--follow")
    same(["one", "two"], [follower.event("line")["text"] for _ in range(2)], "what b typed")
    same(OK, a.do("chat", b.uuid, "--send", "three").code, "answering")
    same("three", talk.event("line")["text"], "what b reads")
    talk.process.stdin.close()
    same(OK, talk.wait(), "exit code at the end of stdin")


def test_terminal_is_not_steered(bench):
    a, b = bench.pair()
    evil = "\x1b]0;title\x07\x1b[2J\r\u202eevil\\"
    same(OK, a.do("chat", b.uuid, "--send", evil).code, "sending")
    shown = Process(bench, ["--control", str(b.control), "chat", "--follow"]).line()
    same(f"{a.uuid[:8]}: \\x1b]0;title\\x07\\x1b[2J\\x0d\\u{{202e}}evil\\\\", shown, "what the terminal gets")
    same(evil, json.loads(b.in_background("chat", "--follow").line())["text"], "what a program gets")


def test_length_is_bounded(bench):
    a, b = bench.pair()
    same(OK, a.do("chat", b.uuid, "--send", "x" * 4096).code, "the longest line")
    for bad in ("x" * 4097, "two\nlines"):
        result = a.do("chat", b.uuid, "--send", bad)
        same(USAGE, result.code, f"refused: {result}")
    check(a.peers(), "still connected")


def past(node, *arguments):
    result = node.do("chat", "history", *arguments)
    same(OK, result.code, f"history: {result}")
    return [json.loads(line) for line in result.out.splitlines()]


def test_history_survives_a_restart(bench):
    a, b = bench.pair()
    for i in range(3):
        same(OK, a.do("chat", b.uuid, "--send", f"line {i}").code, "sending")
    same(OK, b.do("chat", a.uuid, "--send", "answer").code, "answering")
    b.kill()
    files = list((bench.path("state") / "qgate" / "chat").iterdir())
    same(2, len(files), "logs of two nodes")
    for file in files:
        same(0o600, stat.S_IMODE(file.stat().st_mode), "mode")
        check(b"line 1" not in file.read_bytes() and b"answer" not in file.read_bytes(), "it can be read by anybody")
    b = bench.node("b")
    lines = past(b, "--peek")
    same(["line 0", "line 1", "line 2", "answer"], [line["text"] for line in lines], "history")
    same([True, True, True, False], [line["unread"] for line in lines], "unread")
    same([True] * 4, [line["delivered"] for line in lines], "delivered")
    same(["line 2", "answer"], [line["text"] for line in past(b, a.uuid, "--limit", 2)], "the last two")
    same([False] * 4, [line["unread"] for line in past(b, "--since", "1h")], "unread, once they were shown")
    same([], past(b, "--since", "2099-01-01"), "lines of the future")
    same(4, b.do("chat", "clear", a.uuid).json()["cleared"], "clear")
    same([], past(b), "after clear")
    b.kill()
    same([], past(bench.node("b")), "after a restart")
    same(4, len(past(a)), "the other side keeps its own")


def test_history_as_people_read_it(bench):
    a, b = bench.pair()
    same(OK, a.do("chat", b.uuid, "--send", "good evening").code, "sending")
    shown = bench.run("--control", b.control, "chat", "history", a.uuid).out.splitlines()
    same(["--- new ---", f"{a.uuid[:8]}: good evening"], [shown[0], shown[1][6:]], "what b reads")
    shown = bench.run("--control", b.control, "chat", "history").out.splitlines()
    same(f"{a.uuid[:8]}: good evening", shown[0][6:], "the second time nothing is new")
    shown = bench.run("--control", a.control, "chat", "history").out.splitlines()
    same(f"to {b.uuid[:8]}: good evening", shown[0][6:], "what a reads")
    bench.refused(USAGE, "--control", a.control, "chat", "history", "--since", "yesterday", says="is no time")


def test_history_in_memory_only(bench):
    a, b = bench.node("a"), bench.node("b", "--chat-history", "memory")
    a.connect(b)
    same(OK, a.do("chat", b.uuid, "--send", "for your eyes only").code, "sending")
    same(1, len(past(b)), "while it runs")
    b.kill()
    same([], past(bench.node("b", "--chat-history", "memory")), "after a restart")
    same([f"{a.uuid}.log"], os.listdir(bench.path("state") / "qgate" / "chat"), "logs")


def test_damaged_history_is_left_alone(bench):
    a, b = bench.pair()
    same(OK, a.do("chat", b.uuid, "--send", "hello").code, "sending")
    b.kill()
    file = bench.path("state") / "qgate" / "chat" / f"{b.uuid}.log"
    damaged = file.read_bytes()[:-1] + b"x"
    file.write_bytes(damaged)
    b = bench.node("b")
    b.until(lambda: any("in memory only" in line and "Move it away" in line for line in b.err), "it is said")
    b.connect(a)  # a still believes in the session with the killed one
    same(OK, a.do("chat", b.uuid, "--send", "again").code, "sending")
    same(["again"], [line["text"] for line in past(b)], "it works without")
    same(damaged, file.read_bytes(), "the file")


def test_what_was_not_delivered_is_said(bench):
    a, b = bench.pair()
    b.kill()
    same(TRANSFER, a.do("chat", b.uuid, "--send", "anybody?").code, "sending to a killed node")
    same([("anybody?", False)], [(line["text"], line["delivered"]) for line in past(a)], "history")
    same(NOT_CONNECTED, a.do("chat", b.uuid, "--send", "hello?").code, "sending without a session")
    same(1, len(past(a)), "what could not even be sent is not kept")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, bench, node, *arguments):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen([QGATE, "-q", "--control", str(node.control), *arguments], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, env=bench.environment)
        self.seen = ""
        self.rest = b""

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, text):
        """Reads until `text` was printed after what was waited for before; returns what came up to its end."""
        end = time.monotonic() + WAIT_S
        while text not in self.seen:
            check(time.monotonic() < end and select.select([self.master], [], [], WAIT_S)[0],
                  f"not within {WAIT_S} s: {text!r} in {self.seen!r}")
            self.rest += os.read(self.master, 4096)
            whole = self.rest.decode(errors="ignore")
            self.seen += whole
            self.rest = self.rest[len(whole.encode()):]
        came, _, self.seen = self.seen.partition(text)
        return came + text

    def close(self):
        same(0, self.process.wait(timeout=WAIT_S), "exit code")
        same(self.before, termios.tcgetattr(self.slave), "the terminal is given back as it was")
        os.close(self.master)
        os.close(self.slave)


def test_what_is_typed_stays_whole(bench):
    a, b = bench.pair()
    same(OK, a.do("chat", b.uuid, "--send", "before").code, "sending")
    talk = Terminal(bench, b, "chat", a.uuid)
    talk.until("--- new ---\r\n")
    talk.until(f"{a.uuid[:8]}: before\r\n")
    talk.type("grüß 漢X")
    talk.until("\r\x1b[K> grüß 漢X")
    talk.type("\x7f")
    talk.until("\r\x1b[K> grüß 漢")
    same(OK, a.do("chat", b.uuid, "--send", "in between").code, "sending")
    talk.until(f"{a.uuid[:8]}: in between\r\n\r\x1b[K> grüß 漢")
    talk.type(" dich\r")
    talk.until(" you: grüß 漢 dich\r\n")
    talk.until("\r\x1b[K> ")
    same("grüß 漢 dich", past(a)[-1]["text"], "what a reads")
    talk.type("\x04")
    talk.close()
    same([], [line for line in past(b, "--peek") if line["unread"]], "what was shown has been read")


main(globals())
