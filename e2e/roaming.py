# SPDX-License-Identifier: MIT
"""Goal: a transfer goes on when a machine gets another address in the middle of it, or a NAT forgets it; the pause is
printed.
Method: real processes in network namespaces of their own, joined by virtual cables; needs root, ip and nft."""
import os
import shutil
import subprocess
import time

from harness import OK, Skip, check, main, same

MIB = 1 << 20
SIZE = 640 * MIB


class Net:
    """Namespaces that live as long as the test; their names hold the process id, so that runs do not meet."""

    def __init__(self, *names):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise Skip("network namespaces need root and ip (iproute2)")
        self.spaces = {name: f"qg{os.getpid()}{name}" for name in names}
        for space in self.spaces.values():
            if subprocess.run(["ip", "netns", "add", space], capture_output=True, text=True).returncode != 0:
                self.close()
                raise Skip("this machine allows no network namespaces")
            self.run("ip", "-n", space, "link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True)

    @staticmethod
    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        same(0, done.returncode, f"{' '.join(command)}: {done.stderr}")

    def cable(self, a, b):
        """One end in each namespace; that in a is "to_b"."""
        self.run("ip", "-n", self.spaces[a], "link", "add", f"to_{b}", "type", "veth", "peer", "name", f"to_{a}",
                 "netns", self.spaces[b])
        for one, other in ((a, b), (b, a)):
            self.run("ip", "-n", self.spaces[one], "link", "set", f"to_{other}", "up")

    def address(self, what, name, other, address):
        """Adds or deletes one on the cable of `name` that leads to `other`."""
        no_wait = ["nodad"] if ":" in address and what == "add" else []
        self.run("ip", "-n", self.spaces[name], "address", what, address, "dev", f"to_{other}", *no_wait)

    def inside(self, name):
        return ("ip", "netns", "exec", self.spaces[name])


def file_of(bench):
    """Blocks that do not shrink; made fast."""
    file = bench.path("file")
    piece = os.urandom(4 * MIB)
    with open(file, "wb") as out:
        for _ in range(SIZE // len(piece)):
            out.write(piece)
    return file


def send_and(bench, a, b, change):
    """Sends a file from a to b; `change` happens in its middle. Returns how long nothing arrived, in seconds."""
    bench.path("in").mkdir(exist_ok=True)
    file = file_of(bench)
    sending = a.in_background("file", "send", b.uuid, file)
    pause, last, bytes_before, changed = 0, time.monotonic(), 0, False
    while True:
        event = sending.event("progress", "sent")
        check("error" not in event, f"{event}")
        if event["event"] == "sent":
            break
        if event["bytes"] > bytes_before:
            now = time.monotonic()
            if changed:
                pause = max(pause, now - last)
            bytes_before, last = event["bytes"], now
        if not changed and event["bytes"] > 60 * MIB:
            check(event["bytes"] < event["size"], "too fast")
            change()
            changed = True
    check(changed, "it was over before anything could happen")
    same(OK, sending.wait(), "file send")
    same(0, subprocess.run(["cmp", str(file), str(bench.path("in/file"))]).returncode, "the file")
    bench.path("in/file").unlink()
    return pause


def endpoint(node, peer):
    return next(entry["endpoint"] for entry in node.peers() if entry["uuid"] == peer.uuid)


def moved(node, what, pause):
    counters = node.counters()
    print(f"{what}: nothing arrived for {pause:.2f} s; {counters['moves']} moves")
    check(counters["moves"] >= 1, f"{counters}")


def two_machines(bench, net):
    net.cable("a", "b")
    for address in ("10.77.0.1/24", "fd77::1/64"):
        net.address("add", "b", "a", address)
    for address in ("10.77.0.2/24", "fd77::2/64"):
        net.address("add", "a", "b", address)


def test_another_address_in_the_middle(bench):
    with Net("a", "b") as net:
        two_machines(bench, net)
        for old, new, listen_a, listen_b in (("10.77.0.2/24", "10.77.0.3/24", "0.0.0.0:0", "10.77.0.1:0"),
                                             ("fd77::2/64", "fd77::3/64", "[::]:0", "[fd77::1]:0")):
            family = "ip6" if ":" in old else "ip4"
            a = bench.node(f"a-{family}", listen=listen_a, wrapper=net.inside("a"))
            bench.path("in").mkdir(exist_ok=True)
            b = bench.node(f"b-{family}", "--receive", bench.path("in"), listen=listen_b, wrapper=net.inside("b"))
            a.connect(b)

            def change():
                # Without a global address of IPv6 a link-local one would do for a moment; a second one of IPv4 goes
                # with the first.
                steps = [("del", old), ("add", new)]
                for what, address in reversed(steps) if ":" in new else steps:
                    net.address(what, "a", "b", address)

            moved_after = send_and(bench, a, b, change)
            moved(b, f"another address, {family}", moved_after)
            check(new.split("/")[0] in endpoint(b, a), f"b follows a: {endpoint(b, a)}")
            same(OK, a.stop(), "a")
            same(OK, b.stop(), "b")


def test_a_nat_forgets(bench):
    if not shutil.which("nft"):
        raise Skip("nft (nftables) is not installed")
    with Net("a", "r", "b") as net:
        net.cable("a", "r")
        net.cable("r", "b")
        net.address("add", "a", "r", "10.78.1.2/24")
        net.address("add", "r", "a", "10.78.1.1/24")
        net.address("add", "r", "b", "10.78.2.1/24")
        net.address("add", "b", "r", "10.78.2.2/24")
        net.run("ip", "-n", net.spaces["a"], "route", "add", "default", "via", "10.78.1.1")
        net.run(*net.inside("r"), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        rules = "table ip nat { chain post { type nat hook postrouting priority 100; oifname \"to_b\" masquerade; }; }"
        if subprocess.run([*net.inside("r"), "nft", rules], capture_output=True).returncode != 0:
            raise Skip("this kernel has no NAT")
        a = bench.node("a", listen="0.0.0.0:0", wrapper=net.inside("a"))
        bench.path("in").mkdir()
        b = bench.node("b", "--receive", bench.path("in"), listen="10.78.2.2:0", wrapper=net.inside("b"))
        a.connect(b)
        check("10.78.2.1" in endpoint(b, a), f"b sees the NAT: {endpoint(b, a)}")

        def change():
            # The kernel drops what masquerading knows when the address goes.
            net.address("del", "r", "b", "10.78.2.1/24")
            net.address("add", "r", "b", "10.78.2.9/24")

        moved(b, "a NAT with another address", send_and(bench, a, b, change))
        check("10.78.2.9" in endpoint(b, a), f"b follows: {endpoint(b, a)}")


def packet_size(node, peer):
    return next(entry["packet_size"] for entry in node.peers() if entry["uuid"] == peer.uuid)


def test_the_path_carries_less_than_before(bench):
    headers = {"ip4": 28, "ip6": 48}
    with Net("a", "r", "b") as net:
        net.cable("a", "r")
        net.cable("r", "b")
        for address, other in (("10.79.1.{}/24", "a"), ("fd79:1::{}/64", "a"), ("10.79.2.{}/24", "b"),
                               ("fd79:2::{}/64", "b")):
            net.address("add", "r", other, address.format(1))
            net.address("add", other, "r", address.format(2))
        for name, v4, v6 in (("a", "10.79.1.1", "fd79:1::1"), ("b", "10.79.2.1", "fd79:2::1")):
            net.run("ip", "-n", net.spaces[name], "route", "add", "default", "via", v4)
            net.run("ip", "-n", net.spaces[name], "-6", "route", "add", "default", "via", v6)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"
        net.run(*net.inside("r"), "sh", "-c", forward)

        def link_carries(mtu):
            # The middle of the path: no network card of a or b knows of it.
            net.run("ip", "-n", net.spaces["r"], "link", "set", "to_b", "mtu", str(mtu))

        for family, listen_a, listen_b in (("ip4", "0.0.0.0:0", "10.79.2.2:0"), ("ip6", "[::]:0", "[fd79:2::2]:0")):
            link_carries(1500)
            a = bench.node(f"a-{family}", listen=listen_a, wrapper=net.inside("a"))
            bench.path("in").mkdir(exist_ok=True)
            b = bench.node(f"b-{family}", "--receive", bench.path("in"), listen=listen_b, wrapper=net.inside("b"))
            a.connect(b)
            same(1232, packet_size(a, b), "before anything is sent")

            def change():
                same(1500 - headers[family], packet_size(a, b), "on an Ethernet")
                link_carries(1300)

            pause = send_and(bench, a, b, change)
            print(f"a link that carries 1300 bytes, {family}: nothing arrived for {pause:.2f} s")
            # What passes is tried while something is sent.
            carries, end = 1300 - headers[family], time.monotonic() + 60
            while not carries - 16 < packet_size(a, b) <= carries:
                check(time.monotonic() < end, f"{packet_size(a, b)} bytes")
                send_and(bench, a, b, lambda: None)
            print(f"  then packets of {packet_size(a, b)} bytes")
            same("udp", transport(a, b), "by what it goes on")
            same(OK, a.stop(), "a")
            same(OK, b.stop(), "b")


def transport(node, peer):
    return next(entry["transport"] for entry in node.peers() if entry["uuid"] == peer.uuid)


def test_udp_is_dropped_and_comes_back(bench):
    if not shutil.which("nft"):
        raise Skip("nft (nftables) is not installed")
    rules = "table inet no_udp { chain in { type filter hook input priority 0; meta l4proto udp drop; }; }"
    with Net("a", "b") as net:
        two_machines(bench, net)
        if subprocess.run([*net.inside("a"), "nft", rules], capture_output=True).returncode != 0:
            raise Skip("this kernel has no packet filter")
        net.run(*net.inside("b"), "nft", rules)
        a = bench.node("a", listen="0.0.0.0:0", wrapper=net.inside("a"))
        bench.path("in").mkdir()
        b = bench.node("b", "--receive", bench.path("in"), listen="10.77.0.1:0", wrapper=net.inside("b"))
        a.connect(b)
        same("tcp", transport(a, b), "dialled where there is no UDP")

        def filter_udp(drops):
            for name in "ab":
                net.run(*net.inside(name), "nft", rules if drops else "delete table inet no_udp")

        def until_udp_is_back(what):
            # It is looked for every 25 to 35 s; a transfer goes on all the while.
            pauses, end = [], time.monotonic() + 90
            while transport(a, b) != "udp":
                check(time.monotonic() < end, "UDP is not taken again")
                pauses.append(send_and(bench, a, b, lambda: None))
            print(f"{what}: in {len(pauses)} transfers nothing arrived for {max(pauses):.2f} s at most")

        filter_udp(False)
        until_udp_is_back("UDP appears")
        moved(b, "UDP is dropped", send_and(bench, a, b, lambda: filter_udp(True)))
        same("tcp", transport(a, b), "where UDP is dropped")
        same("tcp", transport(b, a), "seen from the other side")
        filter_udp(False)
        until_udp_is_back("UDP is back")
        time_left = time.monotonic() + 10
        while transport(b, a) != "udp":
            check(time.monotonic() < time_left, "the other side stays on TCP")
            time.sleep(0.1)
        counters = b.counters()
        same(0, counters["tcp_refused"], f"{counters}")


if __name__ == "__main__":
    main(globals())
