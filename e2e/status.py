# SPDX-License-Identifier: MIT
"""Goal: `status --watch` shows what changes, fits 80 columns, and gives the terminal back; no escape code elsewhere.
Method: on a terminal of our own, whose bytes are looked at; through pipes; the node stops while it is watched."""
import json
import os
import signal

from harness import NO_NODE, OK, USAGE, Process, Terminal, check, main, same

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def watching(bench, node, *options, **keywords):
    return Terminal(bench, ["--control", node.control, "status", "--watch", "--interval", "0.2", *options], **keywords)


def given_back(terminal):
    for on, off in ((ENTER, LEAVE), (HIDE, SHOW)):
        same(terminal.seen.count(on), terminal.seen.count(off), f"{off!r}")
        check(terminal.seen.rindex(off) > terminal.seen.rindex(on), f"{terminal.seen!r}")


def test_redraws_on_a_terminal(bench):
    a, b = bench.node("a"), bench.node("b")
    terminal = watching(bench, a)
    at = terminal.expect("No peers.")
    a.connect(b)
    at = terminal.expect(b.uuid[:8], at)
    b.stop()
    terminal.expect("No peers.", at)
    terminal.type("\x03")
    same(OK, terminal.wait(), "exit code after Ctrl-C")
    given_back(terminal)
    screens = terminal.seen.split("\x1b[H")[1:]
    check(len(screens) >= 3, f"drawn {len(screens)} times")
    for screen in screens:
        lines = screen.split(LEAVE)[0].replace(SHOW, "").replace("\x1b[J", "").replace("\x1b[K", "").split("\r\n")
        check(len(lines) <= Terminal.LINES and max(map(len, lines)) <= Terminal.COLUMNS, f"too large: {lines}")


def test_every_end_gives_the_terminal_back(bench):
    for number in (signal.SIGTERM, signal.SIGHUP):
        node = bench.node("a")
        terminal = watching(bench, node)
        terminal.expect("No peers.")
        terminal.process.send_signal(number)
        same(OK, terminal.wait(), f"exit code after {number}")
        given_back(terminal)
        terminal = watching(bench, node)
        terminal.expect("No peers.")
        node.stop()
        same(NO_NODE, terminal.wait(), "exit code when the node has stopped")
        given_back(terminal)
        check("no node answers" in terminal.seen.split(LEAVE)[-1], "said on the first screen")


def test_stopped_and_continued(bench):
    terminal = watching(bench, bench.node("a"))
    terminal.expect("No peers.")
    terminal.process.send_signal(signal.SIGTSTP)
    at = terminal.expect(LEAVE)
    while os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT).si_code != os.CLD_STOPPED:
        pass
    terminal.process.send_signal(signal.SIGCONT)
    terminal.expect("No peers.", terminal.expect(ENTER, at))
    terminal.type("\x03")
    same(OK, terminal.wait(), "exit code")
    given_back(terminal)


def test_no_escape_codes_where_they_are_not_wanted(bench):
    node = bench.node("a")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        terminal = watching(bench, node, environment=environment)
        terminal.expect("No peers.", terminal.expect("No peers."))
        terminal.type("\x03")
        terminal.wait()
        check("\x1b" not in terminal.seen, f"{environment}: {terminal.seen!r}")
    piped = Process(bench, ["--control", str(node.control), "status", "--watch", "--interval", "0.2"])
    shown = []
    while shown.count("No peers.") < 2:
        shown.append(piped.line())
    same(OK, piped.stop(signal.SIGINT), "exit code")
    check("\x1b" not in "".join(shown), f"{shown}")
    for arguments in (["status"], ["peer", "list"], ["doctor"], ["config", "show", "--effective"], ["config", "keys"]):
        terminal = Terminal(bench, ["--control", node.control, *arguments], environment={"NO_COLOR": "1"})
        terminal.wait()
        check(terminal.seen and "\x1b" not in terminal.seen, f"{arguments}: {terminal.seen!r}")


def test_json_lines(bench):
    node = bench.node("a")
    process = node.in_background("status", "--watch", "--interval", "0.2")
    looks = [json.loads(process.line()) for _ in range(3)]
    same([node.uuid] * 3, [look["uuid"] for look in looks], "one object each time")
    same(OK, process.stop(signal.SIGINT), "exit code")


def test_bounds(bench):
    for interval in ("0", "0.1", "3601", "-1", "nan", "soon"):
        bench.refused(USAGE, "status", "--watch", "--interval", interval)
    bench.refused(USAGE, "status", "--interval", "1", says="--watch")
    bench.refused(NO_NODE, "status", "--watch", says="no node answers")


def test_tables_fit_80_columns(bench):
    a, _ = bench.pair()
    for arguments in (["status"], ["peer", "list"], ["doctor"], ["config", "keys"], ["--help"],
                      ["node", "run", "--help"]):
        lines = bench.run("--control", a.control, *arguments).out.splitlines()
        check(lines and max(map(len, lines)) <= 80, f"{arguments}: {lines}")
        if "--help" not in arguments:
            check(all(line == line.rstrip() for line in lines), f"blanks at an end: {lines}")


main(globals())
