# SPDX-License-Identifier: MIT
"""Goal: with one line a newcomer gets into a network that is closed by a secret, and to a peer there; a line that is
damaged or leads elsewhere is refused, changes nothing, and its secret is never shown.
Method: real processes; the newcomer has nothing but the line."""
import http.client
import json
import socket
import stat

from harness import (ADDRESS, EXISTS, NO_ANSWER, NOT_CONNECTED, OK, USAGE, check, main, same)


def invitation(node, *options):
    result = node.do("invite", *options)
    same(OK, result.code, f"invite: {result}")
    return result.json()["invitation"]


def host(bench):
    return bench.node("host", "--network", "our house")


def test_newcomer_joins_and_connects(bench):
    a = host(bench)
    line = invitation(a)
    joined = bench.run("join", "-", stdin=f"  {line}\r\n")
    same(OK, joined.code, f"join: {joined}")
    check(joined.out.endswith(f"stays connected with:\n{a.address}\n") and "our house" in joined.out, f"{joined}")
    secret = bench.path("config/qgate/qgate.toml.d/joined.gss")
    same((0o600, bench.gss().read_text()), (stat.S_IMODE(secret.stat().st_mode), secret.read_text()), "the secret")
    b = bench.node("b", gss=False)  # takes network and secret from its configuration
    status = b.do("status").json()
    same(("our house", True), (status["network"], status["shared_secret"]), "what b is in")
    same(a.uuid, b.connect(a)["uuid"], "connected")

    again = bench.run("--json", "join", line)
    same((OK, None), (again.code, again.json().get("written")), f"a second time there is nothing to do: {again}")


def test_invitation_in_place_of_an_address(bench):
    a, b = bench.node("a"), bench.node("b", "--receive", bench.folder)
    line = invitation(b)
    same(NOT_CONNECTED, a.do("peer", "disconnect", line).code, "it names the peer, and nobody is dialled")
    same([], a.peers(), "peers")
    same(b.uuid, a.do("peer", "connect", line).json()["peer"]["uuid"], "peer connect")
    same(OK, a.do("peer", "disconnect", line).code, "peer disconnect")
    same(OK, a.do("chat", line, "--send", "hello").code, "chat dials")
    same(OK, a.do("peer", "disconnect", line).code, "peer disconnect")
    bench.path("sent").mkdir()
    file = bench.make("sent/x", 1000)
    same(OK, a.do("file", "send", line, file).code, "file send dials")
    same(file.read_bytes(), bench.path("x").read_bytes(), "the file")
    said = a.do("chat", "history", line)
    same((OK, "hello"), (said.code, json.loads(said.out.splitlines()[0]).get("text")), f"chat history: {said}")


def test_places_and_secret_are_the_users_choice(bench):
    a = host(bench)
    elsewhere = a.do("invite", "--at", "example.org:5000", "--at", "[2001:db8::1]:6000", "--no-secret")
    same((OK, False), (elsewhere.code, elsewhere.json()["shared_secret"]), f"{elsewhere}")
    check(elsewhere.json()["address"].endswith("@example.org:5000,[2001:db8::1]:6000"), f"{elsewhere}")
    for_people = bench.run("--control", a.control, "invite", "--at", "example.org:5000")
    same(1, len(for_people.out.splitlines()), f"nothing but the line on stdout: {for_people}")
    check("safe way" in for_people.err and "this machine" not in for_people.err, f"{for_people}")
    check("this machine only" in bench.run("--control", a.control, "invite").err, "127.0.0.1 is of no use to others")
    same("", bench.run("-q", "--control", a.control, "invite").err, "quiet")
    invite = ["--control", a.control, "invite"]
    for place in ("example.org", "example.org:0", "a:1,b:2", ":5000", "http://x:1"):
        bench.refused(USAGE, *invite, f"--at={place}", says="no place")
    bench.refused(USAGE, *invite, *[f"--at=h{n}:1" for n in range(9)], says="at most 8")

    # Without the secret it leads nowhere until that has come by another way.
    b = bench.node("b", "--network", "our house", gss=False)
    result = b.do("peer", "connect", invitation(a, "--no-secret"), "--time-limit", "1")
    same(NO_ANSWER, result.code, f"{result}")


def test_another_network_is_named(bench):
    a = host(bench)
    line = invitation(a)
    other, open_one = bench.node("other"), bench.node("open", "--network", "our house", gss=False)
    bench.refused(ADDRESS, "--control", other.control, "peer", "connect", line,
                  says=("network 'our house'", "in 'quantumgate'", "qgate join"))
    bench.refused(ADDRESS, "--control", open_one.control, "chat", line, "--send", "x",
                  says=("shared secret", "qgate join"))
    same(OK, bench.run("gss", "new", bench.path("gss2")).code, "gss new")
    wrong = bench.node("wrong", "--network", "our house", "--gss", bench.path("gss2"), gss=False)
    bench.refused(ADDRESS, "--control", wrong.control, "file", "send", line, bench.gss(), says="shared secret")


def test_join_never_moves_a_node_to_another_network(bench):
    line = invitation(host(bench))
    file = bench.path("config/qgate/qgate.toml")
    file.parent.mkdir(parents=True)
    same(OK, bench.run("gss", "new", file.parent / "mine").code, "gss new")
    for content in ('network = "mine"\n', 'gss = "mine"\n', 'network = "our house"\ngss = "mine"\n'):
        file.write_text(content)
        bench.refused(EXISTS, "join", line, says=("another network", f"{file}:{content.count(chr(10))}", "--config"))
    bench.refused(EXISTS, "join", line, environment={"QG_NETWORK": "mine"}, says="another network")
    check(not (file.parent / "qgate.toml.d").exists(), "nothing was written")

    # A second node has a file of its own.
    second = bench.path("second.toml")
    second.write_text('log_level = "debug"\n')
    same(OK, bench.run("--config", second, "join", line).code, "join")
    same(["joined.gss", "joined.toml"], sorted(f.name for f in bench.path("second.toml.d").iterdir()), "written")
    shown = bench.run("--json", "--config", second, "config", "show").json()["settings"]
    same(("our house", str(bench.path("second.toml.d/joined.gss"))),
         (shown["network"]["value"], shown["gss"]["value"]), "settings")

    # What is left of another invitation stays.
    file.write_text("")
    left = file.parent / "qgate.toml.d" / "joined.gss"
    left.parent.mkdir()
    left.write_text("mine")
    bench.refused(EXISTS, "join", line, says="Move it away")
    same(("mine", 1), (left.read_text(), len(list(left.parent.iterdir()))), "what was there")


def test_damaged_invitations(bench):
    a = bench.node("a")
    line = invitation(a)
    damaged = {line[:-1] + ("A" if line[-1] != "A" else "B"): "",
               line[:40] + ("A" if line[40] != "A" else "B") + line[41:]: "mistyped or cut off",
               line[:-8]: "", "qginvite:": "", line + line: "", line.replace("q", "Q", 1): ""}
    for text, says in damaged.items():
        for command in (["join", text], ["--control", a.control, "peer", "connect", text]):
            result = bench.refused(ADDRESS, *command, says=says)
            check(line[20:60] not in result.err, f"the secret is shown: {result}")
    bench.refused(USAGE, "join", "-", says="standard input")
    bench.refused(ADDRESS, "join", "-", stdin="x" * 10_000)
    check(not bench.path("config").exists(), "nothing was written")
    # The interface of the node itself.
    for body in ("", "[]", '{"at": "x"}', '{"at": [1]}', '{"shared_secret": 1}'):
        connection = http.client.HTTPConnection("qgate", timeout=100)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(a.control))
        connection.request("POST", "/v1/invitation", body)
        same(400, connection.getresponse().status, f"{body}")
        connection.close()


main(globals())
