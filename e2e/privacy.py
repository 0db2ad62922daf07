# SPDX-License-Identifier: MIT
"""Goal: what `privacy` asks for is what a session does, at both ends, and `status` says what it costs; settings that do
not go together are refused with what to do. Method: two nodes on loopback; their counters are looked at."""
import signal

from harness import OK, USAGE, check, main, same


def peer_of(node):
    (peer,) = node.peers()
    return peer


def asked(node, *arguments):
    result = node.do("privacy", *arguments)
    same(OK, result.code, f"{arguments}: {result}")
    return result.json()["privacy"]


def words(node, *arguments):
    return node.bench.run("--control", node.control, *arguments).out


def test_levels_change_while_a_session_lives(bench):
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    status = a.do("status").json()
    same((1, 0, 0), (status["privacy"]["level"], status["cover_bytes_per_day"], status["counters"]["cover_bytes_sent"]),
         "at first")
    answer = asked(a, "5")
    same((5, "full", "constant", 20), tuple(answer[k] for k in ("level", "padding", "cover", "cover_interval_ms")),
         "what was asked for")
    for node in (a, b):
        node.until(lambda: node.counters()["cover_bytes_sent"] > 20 * 1232, "cover is sent")
    same((5, True), (peer_of(a)["privacy"]["level"], peer_of(a)["peer_follows"]), "a's session")
    same(("constant", True), (peer_of(b)["privacy"]["cover"], peer_of(b)["peer_follows"]), "b's session")
    status = b.do("status").json()
    same(1, status["privacy"]["level"], "b's own level")
    same(50 * 86400 * 1232, status["cover_bytes_per_day"], "what it costs b")
    check("level 5: padding full, cover constant every 20 ms" in words(a, "status"), "status in words")
    same("Privacy level 1: no padding, no cover\n", words(a, "privacy", "1"), "in words")
    b.until(lambda: peer_of(b)["privacy"]["cover"] == "off", "b, too, stops")


def test_one_peer_only_and_what_differs_from_a_level(bench):
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    answer = asked(a, "2", "--peer", b.uuid, "--cover", "constant", "--cover-interval", "50")
    same((0, "classes", "constant", 50),
         tuple(answer[k] for k in ("level", "padding", "cover", "cover_interval_ms")), "custom")
    same(1, a.do("status").json()["privacy"]["level"], "the node's own")
    a.until(lambda: peer_of(a)["peer_follows"], "the peer follows")
    bench.refused(USAGE, "--control", a.control, "privacy", "6", says="6")
    bench.refused(USAGE, "--control", a.control, "privacy", "1", "--cover", "poisson", "--cover-interval", "50",
                  says="cover without padding")
    bench.refused(USAGE, "--control", a.control, "privacy", "5", "--send-delay", "5", says="leave the delay out")
    bench.refused(USAGE, "--control", a.control, "privacy", "5", "--padding", "some", says="full")


def test_settings(bench):
    bench.refused(USAGE, "node", "run", "--privacy", "9", says="whole number from 1 to 5")
    bench.refused(USAGE, "node", "run", "--cover", "constant", "--cover-interval", "50", says="cover without padding")
    a = bench.node("a", "--privacy", "4", "--key-update-max", "300")
    privacy = a.do("status").json()["privacy"]
    shown = tuple(privacy[k] for k in ("level", "cover", "key_update_min_s", "key_update_max_s"))
    same((0, "adaptive", 300, 300), shown, "a level, and what differs")
    b = bench.node("b", "--cover-for-peers", "0")
    a.connect(b)
    a.until(lambda: peer_of(a)["cover_bytes_sent"] > 0, "a sends cover")
    same((False, "off"), (peer_of(a)["peer_follows"], peer_of(b)["privacy"]["cover"]), "b gives none")


def test_read_again_on_hup(bench):
    file = bench.path("config/qgate/qgate.toml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("privacy = 2\n")
    a = bench.node("a")
    level = lambda: a.do("status").json()["privacy"]["level"]
    same(2, level(), "as the file has it")
    file.write_text("privacy = 3\n")
    a.send(signal.SIGHUP)
    a.until(lambda: level() == 3, "read again")
    file.write_text('privacy = 1\ncover = "constant"\ncover_interval = 20\n')
    a.send(signal.SIGHUP)
    a.until(lambda: any("cover without padding" in line for line in a.err), "the mistake is logged")
    same(3, level(), "what does not fit is not taken over")


if __name__ == "__main__":
    main(globals())
