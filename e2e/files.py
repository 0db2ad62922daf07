# SPDX-License-Identifier: MIT
"""Goal: a file arrives whole and verified, or there is no file under the final name and both sides say why.
Method: real processes; receivers and senders are killed, stopped, and run out of room in the middle of a file."""
import hashlib
import os
import resource
import shutil
import signal
import subprocess

from harness import EXISTS, OK, TRANSFER, Skip, check, is_empty, main, same

MIB = 1 << 20
LARGE = 400 * MIB  # long enough to be caught in the middle; mostly never sent


def digest(file):
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def folder(bench, name):
    path = bench.path(name)
    path.mkdir()
    return path


def sparse(bench, name, size):
    """Zeros that take no disk."""
    file = bench.path(name)
    with open(file, "wb") as out:
        out.truncate(size)
    return file


def in_the_middle(sending):
    """Waits until a part of the file has been sent."""
    while True:
        event = sending.event("progress", "sent")
        check(event.get("event") == "progress", f"too fast, or refused: {event}")
        if 0 < event["bytes"] < event["size"]:
            return


def broken_off(sending, *says):
    """The sender ends with a reason."""
    while True:
        event = sending.event("sent", "progress", "accepted")
        if "error" in event:
            break
        check(event["event"] != "sent", "it was sent after all")
    same(TRANSFER, sending.wait(), f"exit code: {event}")
    for part in says:
        check(part in event["error"]["message"], f"'{part}' is missing: {event}")


def test_both_ways(bench):
    a, b = bench.pair()
    for x, y, size in ((a, b, 5 * MIB + 1), (b, a, 3 * MIB)):
        into = folder(bench, f"in_{y.name}")
        receiver = y.receiving(into, "--count", 1)
        file = bench.make(f"from_{x.name}.bin", size)
        result = x.do("file", "send", y.uuid, file)
        same(OK, result.code, f"sending: {result}")
        received = receiver.event("received")
        same(OK, receiver.wait(), "exit code after one file")
        same({digest(file)}, {digest(into / file.name), result.json()["sha256"], received["sha256"]}, "digests")
        same([file.name], os.listdir(into), "what is in the folder")
        same(x.uuid, received["peer"], "who sent it")


def test_small_files(bench):
    a, b = bench.pair()
    into = folder(bench, "in")
    receiver = b.receiving(into, "--count", 4)
    for size in (0, 1, 262144, 262145):
        file = bench.make(f"s{size}", size)
        result = a.do("file", "send", b.uuid, file)
        same(OK, result.code, f"{size} bytes: {result}")
        same(file.read_bytes(), (into / file.name).read_bytes(), "content")
    same(OK, receiver.wait(), "exit code after four files")


def test_receive_option_of_the_node(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    file = bench.make("x y ü.bin", 100_000)
    same(OK, a.do("file", "send", b.address, file).code, "sending to an address")
    same(digest(file), digest(into / file.name), "digest")
    same("received", b.event("received", "failed")["event"], "what the node prints")


def test_nothing_is_taken_unasked(bench):
    a, b = bench.pair()
    result = a.do("file", "send", b.uuid, bench.make("x", 10))
    same(TRANSFER, result.code, f"refused: {result}")
    check("takes no files" in result.json()["error"]["message"], f"{result}")


def test_existing_name_is_refused(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    (into / "x").write_text("mine")
    result = a.do("file", "send", b.uuid, bench.make("x", 10))
    same((EXISTS, "exists"), (result.code, result.json()["error"]["code"]), f"refused: {result}")
    same("mine", (into / "x").read_text(), "what was there")


def test_two_receivers_do_not_mix(bench):
    a, b = bench.pair()
    b.receiving(folder(bench, "in"))
    second = b.do("file", "receive", "--into", folder(bench, "in2"))
    same(EXISTS, second.code, f"{second}")
    check(a.peers(), "still connected")


def test_receiver_killed(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    b.kill()
    check(not (into / "big").exists(), "a part has the final name")
    # Nobody says that b has gone: a gives up by itself when no sign of life comes (20 s, measured).
    broken_off(sending, "the peer is gone", "stopped after")
    check(is_empty(into), f"left behind: {os.listdir(into)}")


def test_receiving_node_stopped(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    same(OK, b.stop(), "exit code on TERM in the middle of a file")
    broken_off(sending)
    check(is_empty(into), f"left behind: {os.listdir(into)}")


def test_sending_node_stopped(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    same(OK, a.stop(), "exit code on TERM in the middle of a file")
    check(sending.wait() != OK, "the command learns of it")
    same("failed", receiver.event("failed", "received")["event"], "the receiver learns of it")
    check(is_empty(into), f"left behind: {os.listdir(into)}")


def test_sending_command_interrupted(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    sending.stop(signal.SIGINT)
    same("cancelled", receiver.event("failed", "received")["reason"], "the receiver learns of it")
    check(is_empty(into), f"left behind: {os.listdir(into)}")
    file = bench.make("next", 1000)
    same(OK, a.do("file", "send", b.uuid, file).code, "the next file goes through")


def test_receiving_command_interrupted(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    receiver.stop(signal.SIGINT)
    broken_off(sending, "cancelled")
    check(is_empty(into), f"left behind: {os.listdir(into)}")


def test_file_size_limit(bench):
    # A limit on file sizes stands in for a full disk: the write fails in the middle; no privilege is needed.
    into = folder(bench, "in")
    a = bench.node("a")
    b = bench.node("b", "--receive", into,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20 * MIB, 20 * MIB)))
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", 100 * MIB))
    broken_off(sending, "no space left at the receiver", "stopped after")
    check(is_empty(into), f"left behind: {os.listdir(into)}")
    same(OK, a.do("file", "send", b.uuid, bench.make("small", MIB)).code, "a smaller file goes through")


def test_full_disk(bench):
    # A disk of 24 MiB in a mount namespace of the receiver's own; it fills up while the file comes.
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skip("mounting a small disk needs root and unshare; test_file_size_limit shows the same without")
    into = folder(bench, "in")
    probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=24m", "none", str(into)], check=False,
                           capture_output=True, text=True)
    if probe.returncode != 0:
        raise Skip(f"a small disk can not be mounted here: {probe.stderr.strip()}")
    a = bench.node("a")
    script = 'mount -t tmpfs -o size=24m none "$0" && exec "$@"'
    b = bench.node("b", "--receive", into, wrapper=["unshare", "-m", "sh", "-c", script, str(into)])
    a.connect(b)
    # Offered with room to spare for the offer, but two at a time do not fit.
    first = a.in_background("file", "send", b.uuid, sparse(bench, "one", 15 * MIB))
    second = a.in_background("file", "send", b.uuid, sparse(bench, "two", 15 * MIB))
    endings = sorted((first.wait(), second.wait()))
    same([OK, TRANSFER], endings, f"one fits, one does not: {first.err} {second.err}")
    third = a.do("file", "send", b.uuid, sparse(bench, "three", 100 * MIB))
    check(third.code == TRANSFER and "no space left" in third.json()["error"]["message"], f"{third}")


main(globals())
