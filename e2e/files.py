# SPDX-License-Identifier: MIT
"""Goal: a file arrives whole and verified, or there is no file under the final name and both sides say why; whatever
broke, sending the same again goes on where it stopped.
Method: real processes; receivers and senders are killed, stopped, and run out of room in the middle of a file."""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

from harness import EXISTS, OK, TRANSFER, USAGE, Skip, check, main, same

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
    """Waits until more was sent than can be on its way (24 MiB), so that the receiver has some of it."""
    while True:
        event = sending.event("progress", "sent")
        check(event.get("event") == "progress", f"too fast, or refused: {event}")
        if event["kept"] + 40 * MIB < event["bytes"] < event["size"]:
            return


def ending(sending):
    """The last event: "sent" or an error."""
    while True:
        event = sending.event("sent")
        if "error" in event or event["event"] == "sent":
            return event


def broken_off(sending, *says):
    """The sender ends with a reason."""
    event = ending(sending)
    check("error" in event, "it was sent after all")
    same(TRANSFER, sending.wait(), f"exit code: {event}")
    for part in says:
        check(part in event["error"]["message"], f"'{part}' is missing: {event}")


def items(result):
    return {e["path"]: e for e in map(json.loads, result.out.splitlines()) if e.get("event") == "item"}


def nothing_named(into):
    same([], [name for name in os.listdir(into) if name != ".qgate"], "what has a name in the folder")


def tree(path):
    """Names, kinds, contents, times and executable bits below a folder."""
    found = {}
    for below in sorted(pathlib.Path(path).rglob("*")):
        info = below.lstat()
        is_file = below.is_file()
        found[str(below.relative_to(path))] = (is_file, info.st_mtime_ns, is_file and bool(info.st_mode & 0o100),
                                               below.read_bytes() if is_file else b"")
    return found


def goes_on(bench, a, b, into, name="big"):
    """Sending it again succeeds, and does not begin at the beginning."""
    result = a.do("file", "send", b.uuid, bench.path(name))
    same(OK, result.code, f"sending again: {result}")
    item = items(result)[name]
    check(item["offset"] >= 4 * MIB, f"it began anew: {item}")
    same(digest(bench.path(name)), digest(into / name), "digest")
    same([name], os.listdir(into), "what is in the folder")


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


def test_receiver_killed_and_started_again(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    b.kill()
    nothing_named(into)
    bench.node("b", "--receive", into, listen=f"127.0.0.1:{b.port}")
    # Nobody says that b was gone: a notices by itself when no sign of life comes (20 s, measured), and dials again.
    same("paused", sending.event("paused", "sent").get("event"), "the break is said")
    item = sending.event("item", "sent")
    check(item["offset"] >= 4 * MIB, f"it began anew: {item}")
    same("sent", ending(sending).get("event"), "the same command ends well")
    same(OK, sending.wait(), "exit code")
    same(digest(bench.path("big")), digest(into / "big"), "digest")
    same(["big"], os.listdir(into), "what is in the folder")


def test_receiver_gone_for_good(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, "--retry", 1, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    same(OK, b.stop(), "exit code on TERM in the middle of a file")
    broken_off(sending, "not sent", "stopped after", "Send it again to go on")
    nothing_named(into)
    b = bench.node("b", "--receive", into)
    a.connect(b)
    goes_on(bench, a, b, into)


def test_connection_cut(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    same(OK, a.do("peer", "disconnect", b.uuid).code, "disconnect")
    same("paused", sending.event("paused", "sent").get("event"), "the break is said")
    event = ending(sending)
    same("sent", event.get("event"), f"the same command ends well: {event}")
    check(event["kept"] >= 4 * MIB, f"it began anew: {event}")
    same(digest(bench.path("big")), digest(into / "big"), "digest")


def test_sending_node_killed_and_started_again(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    a.kill()
    check(sending.wait() != OK, "the command learns of it")
    nothing_named(into)
    a = bench.node("a")
    a.connect(b)
    goes_on(bench, a, b, into)


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
    nothing_named(into)


def test_sending_command_interrupted(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    sending.stop(signal.SIGINT)
    same("cancelled", receiver.event("failed", "received")["reason"], "the receiver learns of it")
    nothing_named(into)
    goes_on(bench, a, b, into)


def test_receiving_command_interrupted(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    receiver.stop(signal.SIGINT)
    broken_off(sending, "cancelled")
    nothing_named(into)
    b.receiving(into)
    goes_on(bench, a, b, into)


def test_starting_anew_if_asked(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    big = sparse(bench, "big", LARGE)
    sending = a.in_background("file", "send", b.uuid, big)
    in_the_middle(sending)
    sending.stop(signal.SIGINT)
    result = a.do("file", "send", b.uuid, "--no-resume", big)
    same(OK, result.code, f"{result}")
    same(0, items(result)["big"]["offset"], "where it began")


def test_nothing_is_kept_if_not_wanted(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into, "--keep-parts", 0)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", LARGE))
    in_the_middle(sending)
    sending.stop(signal.SIGINT)
    same("failed", receiver.event("failed", "received")["event"], "the receiver learns of it")
    b.until(lambda: not os.listdir(into), "the part is removed")


def test_changed_file(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b")
    a.connect(b)
    receiver = b.receiving(into)
    big = sparse(bench, "big", LARGE)
    sending = a.in_background("file", "send", b.uuid, big)
    in_the_middle(sending)
    os.utime(big)
    broken_off(sending, "'big' was not sent", "changed while it was sent")
    failed = receiver.event("failed", "received")
    check("changed while it was sent" in failed["reason"], f"{failed}")
    nothing_named(into)
    same(OK, a.do("file", "send", b.uuid, big).code, "it can be sent now")


def test_folder_with_a_thousand_files(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    source = folder(bench, "tree")
    for i in range(1000):
        (source / f"d{i % 10}").mkdir(exist_ok=True)
        (source / f"d{i % 10}" / f"file {i} ü.txt").write_bytes(bytes(str(i), "ascii") * (i % 300))
    (source / "empty folder" / "deeper").mkdir(parents=True)
    (source / ".hidden").write_text("kept")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    os.utime(source / "d3", ns=(10**18, 10**18 + 7))
    begun = time.monotonic()
    result = a.do("file", "send", b.uuid, source)
    same(OK, result.code, f"sending: {result.err}")
    print(f"a thousand small files took {time.monotonic() - begun:.1f} s")
    same(tree(source), tree(into / "tree"), "what arrived")
    end = result.json()
    same((1002, 0, 0), (end["files"], end["failed"], end["kept"]), "the summary")

    (source / "d0" / "new").write_text("new")
    again = a.do("file", "send", b.uuid, source)
    same(OK, again.code, f"sending again: {again.err}")
    stored = [path for path, item in items(again).items() if item["result"] == "stored"]
    same(["tree/d0/new"], stored, "what was sent the second time")
    same(tree(source), tree(into / "tree"), "what is there")


def test_folder_is_continued(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    source = folder(bench, "tree")
    for i in range(20):
        bench.make(f"tree/a{i:02}", 100_000)
    sparse(bench, "tree/big", LARGE // 2)
    sending = a.in_background("file", "send", b.uuid, source)
    in_the_middle(sending)
    a.kill()
    sending.wait()
    a = bench.node("a")
    a.connect(b)
    result = a.do("file", "send", b.uuid, source)
    same(OK, result.code, f"sending again: {result}")
    done = items(result)
    same({"present"}, {done[f"tree/a{i:02}"]["result"] for i in range(20)}, "the small files")
    check(done["tree/big"]["offset"] >= 4 * MIB, f"it began anew: {done['tree/big']}")
    same(tree(source), tree(into / "tree"), "what is there")


def test_several_paths(bench):
    a, b = bench.pair()
    into = folder(bench, "in")
    receiver = b.receiving(into, "--count", 1)
    bench.make("one", 1000)
    folder(bench, "two")
    bench.make("two/three", 1000)
    result = a.do("file", "send", b.uuid, bench.path("one"), f"{bench.path('two')}/")
    same(OK, result.code, f"{result}")
    same(OK, receiver.wait(), "one transfer, whatever it holds")
    same(["one", "two"], sorted(os.listdir(into))[-2:], "what arrived")
    folder(bench, "x")
    result = a.do("file", "send", b.uuid, bench.path("one"), bench.make("x/one", 10))
    same(USAGE, result.code, f"two of the same name: {result}")


def test_what_is_not_sent_is_said(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    source = folder(bench, "tree")
    bench.make("tree/fine", 10)
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    result = a.do("file", "send", b.uuid, source)
    same(OK, result.code, f"links and pipes are no failure: {result}")
    same(2, result.json()["skipped"], "how many were skipped")
    for path, says in (("tree/link", "symbolic link"), ("tree/pipe", "neither a file nor a folder")):
        check(says in items(result)[path]["reason"], f"{items(result)}")
    same(["fine"], os.listdir(into / "tree"), "what arrived")
    for name in ("new\nline", "back\\slash", "right\u202eleft"):
        (source / name).write_text("x")
    result = a.do("file", "send", b.uuid, source)
    same(TRANSFER, result.code, f"names that nobody takes are: {result}")
    check("3 of the files" in result.json()["error"]["message"], f"{result}")
    same(["fine"], os.listdir(into / "tree"), "what arrived")


def test_names_that_are_taken(bench):
    into = folder(bench, "in")
    a, b = bench.node("a"), bench.node("b", "--receive", into)
    a.connect(b)
    source = folder(bench, "tree")
    for name in ("same", "other", "fine"):
        (source / name).write_text("mine")
    same(OK, a.do("file", "send", b.uuid, source).code, "sending")
    (into / "tree" / "other").write_text("theirs")
    (into / "tree" / "fine").unlink()
    result = a.do("file", "send", b.uuid, source)
    same(EXISTS, result.code, f"{result}")
    same({"tree": "present", "tree/same": "present", "tree/other": "failed", "tree/fine": "stored"},
         {path: item["result"] for path, item in items(result).items()}, "what became of each")
    same("theirs", (into / "tree" / "other").read_text(), "what was there")
    # A folder that somebody else made is not added to.
    folder(bench, "mine")
    bench.make("mine/x", 10)
    (into / "mine").mkdir()
    same(EXISTS, a.do("file", "send", b.uuid, bench.path("mine")).code, "another's folder")
    same([], os.listdir(into / "mine"), "what is in it")


def test_file_size_limit(bench):
    # A limit on file sizes stands in for a full disk: the write fails in the middle; no privilege is needed.
    into = folder(bench, "in")
    a = bench.node("a")
    b = bench.node("b", "--receive", into,
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20 * MIB, 20 * MIB)))
    a.connect(b)
    sending = a.in_background("file", "send", b.uuid, sparse(bench, "big", 100 * MIB))
    broken_off(sending, "no space left at the receiver", "stopped after", "what arrived is kept")
    nothing_named(into)
    same(OK, a.do("file", "send", b.uuid, bench.make("small", MIB)).code, "a smaller file goes through")
    same(OK, b.stop(), "exit code")
    b = bench.node("b", "--receive", into)
    a.connect(b)
    result = a.do("file", "send", b.uuid, bench.path("big"))
    same((OK, 20 * MIB), (result.code, items(result)["big"]["offset"]), "with room it goes on where it stopped")


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
    # Each has room when it is offered, but two at a time do not fit; then one of them does, for the other's part goes.
    first = a.in_background("file", "send", b.uuid, sparse(bench, "one", 15 * MIB))
    second = a.in_background("file", "send", b.uuid, sparse(bench, "two", 15 * MIB))
    same(TRANSFER, max(first.wait(), second.wait()), f"both do not fit: {first.err} {second.err}")
    if OK not in (first.wait(), second.wait()):
        same(OK, a.do("file", "send", b.uuid, bench.path("one")).code, "one fits")
    third = a.do("file", "send", b.uuid, sparse(bench, "three", 100 * MIB))
    check(third.code == TRANSFER and "no space left" in third.json()["error"]["message"], f"{third}")
    fourth = a.do("file", "send", b.uuid, folder(bench, "tree"), sparse(bench, "tree/big", 100 * MIB))
    check(fourth.code == TRANSFER and "no space left" in fourth.json()["error"]["message"], f"{fourth}")


main(globals())
