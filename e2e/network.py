# SPDX-License-Identifier: MIT
"""Goal: nodes find each other over IPv4 and IPv6, keep exactly one session, part when told, and ignore strangers.
Method: real processes on loopback; what a node knows is read from its status."""
import os
import signal
import socket
import threading

from harness import NO_ANSWER, NOT_CONNECTED, OK, USAGE, Skip, check, main, same


def test_connect_and_disconnect(bench):
    a, b = bench.node("a"), bench.node("b")
    peer = a.connect(b)
    same(b.uuid, peer["uuid"], "whom a reached")
    same(True, peer["post_quantum"], "post-quantum")
    check("MLKEM768" in peer["suite"] and peer["handshake_ms"] > 0, f"{peer}")
    same(peer["uuid"], a.connect(b)["uuid"], "connecting again is no error")
    same(1, len(a.peers()), "sessions")
    b.until(lambda: [p["uuid"] for p in b.peers()] == [a.uuid], "b knows a")
    same(OK, a.do("peer", "disconnect", b.uuid).code, "disconnect")
    same([], a.peers(), "peers of a")
    b.until(lambda: not b.peers(), "b learns that a has gone")
    same(NOT_CONNECTED, a.do("peer", "disconnect", b.uuid).code, "disconnect twice")
    a.connect(b)
    same(OK, b.stop(), "exit code on TERM")
    a.until(lambda: not a.peers(), "a learns that b has stopped")


def test_without_shared_secret(bench):
    a, b = bench.pair(gss=False)
    same([b.uuid], [p["uuid"] for p in a.peers()], "peers")


def test_ipv6(bench):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise Skip(f"no IPv6 loopback here: {error}") from None
    a, b = bench.node("a", listen="[::1]:0"), bench.node("b", listen="[::1]:0")
    check("@[::1]:" in b.address, b.address)
    a.connect(b)
    same(OK, a.do("chat", b.uuid, "--send", "six").code, "chat over IPv6")


def test_both_dial_at_once(bench):
    for attempt in range(3):
        a, b = bench.node(f"a{attempt}"), bench.node(f"b{attempt}")
        codes = {}
        threads = [threading.Thread(target=lambda x=x, y=y: codes.update({x.name: x.do("peer", "connect", y.address)}))
                   for x, y in ((a, b), (b, a))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, result in codes.items():
            same(OK, result.code, f"{name}: {result}")
        a.until(lambda: len(a.peers()) == 1 and len(b.peers()) == 1, "exactly one session")
        for x, y in ((a, b), (b, a)):
            result = x.do("chat", y.uuid, "--send", f"hello from {x.name}")
            same(OK, result.code, f"the session that stayed works: {result}")
        same((1, 1), (len(a.peers()), len(b.peers())), "sessions")
        for node in (a, b):
            same(OK, node.stop(), "exit code")


def test_stays_connected(bench):
    a = bench.node("a")
    gone = a.address
    a.stop()
    # It begins while the peer is away, and finds it when it comes, as often as that happens.
    b = bench.node("b", "--connect", gone)
    b.until(lambda: any("can not connect with " + a.uuid in line for line in b.err), "it says so")
    for _ in range(2):
        a = bench.node("a", listen=f"127.0.0.1:{a.port}")
        b.until(lambda: [peer["uuid"] for peer in b.peers()] == [a.uuid], "they are connected")
        a.stop()
        b.until(lambda: not b.peers(), "a has gone")
    same(OK, b.stop(), "ending")

    # A list in a file is taken over while the node runs.
    settings = bench.path("b.toml")
    settings.write_text("")
    b = bench.node("b", "--config", settings)
    a = bench.node("a", listen=f"127.0.0.1:{a.port}")
    settings.write_text(f'connect = ["{a.address}"]\n')
    b.send(signal.SIGHUP)
    b.until(lambda: [peer["uuid"] for peer in b.peers()] == [a.uuid], "they are connected")
    bench.refused(USAGE, "node", "run", "--connect", a.address.replace("qg://", "qg://0"), says="--connect")


def test_suites(bench):
    best, other = (f"Noise_XXhfs+psk0_25519+MLKEM768_{rest}" for rest in ("AESGCM_SHA256", "ChaChaPoly_BLAKE2s"))
    a, b, c = bench.node("a"), bench.node("b", "--suites", other), bench.node("c", "--suites", best)
    result = a.do("peer", "connect", b.address, "--time-limit", "1")
    same(NO_ANSWER, result.code, f"the best is not enabled there: {result}")
    result = a.do("peer", "connect", b.address, "--suite", other)
    same((OK, other), (result.code, result.json().get("peer", {}).get("suite")), f"{result}")
    same(best, a.connect(c)["suite"], "the best that both have")
    same(USAGE, b.do("peer", "connect", c.address, "--suite", best).code, "a suite that this node does not have")
    bench.refused(USAGE, "node", "run", "--listen", "127.0.0.1:0", "--suites", best.replace("256", "255"),
                  says=f"Did you mean '{best}'?")


def test_strangers_get_silence(bench):
    a, b = bench.pair()
    before = b.counters()
    said = len(b.err)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for size in (0, 1, 3, 23, 24, 40, 100, 500, 1200, 1232, 1472):
            for _ in range(4):
                stranger.sendto(os.urandom(size), ("127.0.0.1", b.port))
                sent += 1
        b.until(lambda: b.counters()["datagrams_received"] >= before["datagrams_received"] + sent, "all of it arrived")
        after = b.counters()
        dropped = sum(after[k] - before[k] for k in after if k.startswith("dropped_"))
        same(sent, dropped, "counted as dropped")
        stranger.setblocking(False)
        try:
            answer = stranger.recv(2048)
        except BlockingIOError:
            answer = None
        same(None, answer, "answer to a stranger")
    same(OK, a.do("chat", b.uuid, "--send", "still here").code, "the peer is not disturbed")
    check(len(b.err) - said <= 1, f"log lines for rubbish: {b.err[said:]}")


main(globals())
