# SPDX-License-Identifier: MIT
"""Goal: lines reach the other side, in both directions, and never steer its terminal.
Method: real processes; one-shot sending, following, and the conversation on stdin and stdout."""
import json

from harness import OK, USAGE, Process, check, main, same


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


main(globals())
