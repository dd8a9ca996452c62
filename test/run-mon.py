#!/usr/bin/python3
"""What a server shows of itself: `hongyan mon` grows with the load, /metrics is in Prometheus's text format and says the same, health and
readiness answer, the address of the figures is the operator's; and a server that was killed leaves its last values.
"""
import fcntl
import http.client
import json
import os
import pathlib
import pty
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

import product
from product import hongyan

MESSAGES = 20


# ---- the text format 0.0.4, strictly: each name's samples stand together under its HELP and TYPE

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def parse_labels(text):
    labels, rest = {}, text
    while rest:
        m = LABEL.match(rest)
        assert m, f"a label in {{{text}}}"
        assert m[1] not in labels, f"{m[1]} twice in {{{text}}}"
        labels[m[1]] = m[2]
        rest = rest[m.end():]
        assert not rest or rest[0] == ",", f"after a label in {{{text}}}"
        rest = rest[1:]
    return labels


def check_histogram(name, samples):
    """Of each set of labels: rising bounds, counts that do not fall, +Inf last and equal to _count."""
    groups = {}
    for (sample, labels), value in samples.items():
        key = tuple(l for l in labels if l[0] != "le")
        groups.setdefault(key, {}).setdefault(sample, []).append((dict(labels).get("le"), value))
    for key, parts in groups.items():
        buckets = [(float(le), n) for le, n in parts[name + "_bucket"]]
        assert buckets == sorted(buckets), f"{name}{key}: buckets out of order"
        assert buckets[-1][0] == float("inf"), f"{name}{key}: no +Inf"
        assert all(a[1] <= b[1] for a, b in zip(buckets, buckets[1:])), f"{name}{key}: falls"
        assert buckets[-1][1] == parts[name + "_count"][0][1], f"{name}{key}: +Inf is not the count"
        assert len(parts[name + "_sum"]) == 1


def parse_metrics(text):
    """{name: (type, {(sample, labels): value})}"""
    assert text.endswith("\n"), "the last line has an end"
    families, name = {}, None
    for line in text.splitlines():
        if m := re.fullmatch(r"# HELP (\S+) (\S.*)", line):
            name = m[1]
            assert name not in families, f"{name} twice"
            families[name] = [None, {}]
        elif m := re.fullmatch(r"# TYPE (\S+) (counter|gauge|histogram)", line):
            assert m[1] == name and families[name][0] is None, line
            families[name][0] = m[2]
        else:
            m = SAMPLE.fullmatch(line)
            assert m, f"not a sample: {line}"
            kind, samples = families[name]
            assert m[1] in [name + suffix for suffix in SUFFIXES[kind]], f"{line} under {name}"
            key = (m[1], tuple(sorted(parse_labels(m[2] or "").items())))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(m[3])
    for name, (kind, samples) in families.items():
        assert name.startswith("hongyan_") and name.endswith("_total") == (kind == "counter"), name
        if kind == "histogram":
            check_histogram(name, samples)
    return families


def metric(families, name, **labels):
    return families[name][1][(name, tuple(sorted(labels.items())))]


# ---- the server and its clients

class Server(product.Server):
    def __init__(self, data):
        super().__init__(data, "--metrics", "127.0.0.1:0", "--strangers-may-write")
        self.metrics = int(re.search(r"figures for Prometheus at http://127\.0\.0\.1:(\d+)/metrics", self.said())[1])

    def get(self, path, port=None, method="GET"):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        c.request(method, path)
        answer = c.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def mon(data, *arguments):
    """Status, {name: value}, what it says on stderr."""
    ended = hongyan("mon", "--once", "--data", data, *arguments, want=None)
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert all(len(line) == 2 for line in lines), ended.stdout
    return ended.returncode, {name: int(value) for name, value in lines}, ended.stderr


def load(server):
    """Two people; one writes, the other fetches twice; one long link stays open, one request of a method fails."""
    ann = server.ask("register", name="ann", password="a letter on its leg")
    bob = server.ask("register", name="bob", password="a letter on its leg")
    snapshot = server.ask("sync", ticket=bob["ticket"])["snapshot"]
    for i in range(MESSAGES):
        server.ask("send-text", ticket=ann["ticket"], to=bob["uin"], text=f"number {i}")
    server.ask("sync", ticket=bob["ticket"], snapshot=snapshot)
    link = socket.create_connection(("127.0.0.1", server.port))
    link.sendall(struct.pack(">5I", 20, 4711, 6, 0xFFFFFFFF, 0))
    link.recv(20)
    return link


# ---- what is tested

def test_growth(server):
    _, before, _ = mon(server.data)
    link = load(server)
    time.sleep(2.2)  # gauges are taken once a second
    status, after, said = mon(server.data)
    link.close()
    assert status == 0 and said == "", said
    assert after["registered"] - before["registered"] == 2 and after["users"] == 2
    assert after["messages_sent"] - before["messages_sent"] == MESSAGES
    assert after["messages_delivered"] - before["messages_delivered"] >= MESSAGES
    assert after["Send.SendText.calls"] == MESSAGES and after["Send.SendText.p99_us"] >= after["Send.SendText.p50_us"] > 0
    assert after["sync_lag.count"] == MESSAGES and after["sync_lag.p99_us"] < 60e6
    assert after["links"] == 1 and after["kt_durable_pos"] > before["kt_durable_pos"]
    assert after["process_memory_bytes"] > 1 << 20 and after["process_files"] > 10 and after["process_cpu_us"] > 0
    assert after["disk_free_bytes"] > after["disk_reserve_bytes"] > 0 and after["kt_log_limit"] > 0


def test_names(server):
    status, some, _ = mon(server.data, "messages_", "Send.")
    assert status == 0 and set(some) >= {"messages_sent", "Send.SendText.calls"}
    assert all(name.startswith(("messages_", "Send.")) for name in some), some
    status, none, said = mon(server.data, "no_such_thing")
    assert status == 1 and not none and "nothing is called so" in said
    shown = json.loads(hongyan("mon", "--once", "--json", "--data", server.data).stdout)
    assert shown["alive"] and shown["process"] == server.process.pid and shown["values"]["messages_sent"] == MESSAGES


def test_metrics(server):
    status, kind, text = server.get("/metrics", server.metrics)
    assert status == 200 and kind == "text/plain; version=0.0.4; charset=utf-8", (status, kind)
    families = parse_metrics(text)
    assert metric(families, "hongyan_messages_sent_total") == MESSAGES
    assert metric(families, "hongyan_users") == 2
    assert metric(families, "hongyan_rpc_calls_total", method="Send.SendText") == MESSAGES
    assert metric(families, "hongyan_rpc_errors_total", method="Account.ResolveName", status="NOT_FOUND") >= 2
    assert abs(metric(families, "hongyan_start_time_seconds") - time.time()) < 300
    lag = families["hongyan_sync_lag_seconds"]
    assert lag[0] == "histogram" and lag[1][("hongyan_sync_lag_seconds_count", ())] == MESSAGES


def test_doors(server):
    assert server.get("/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert server.get("/readyz")[0::2] == (200, "ready\n")
    assert server.get("/healthz", server.metrics)[0] == 200 and server.get("/readyz", server.metrics)[0] == 200
    assert server.get("/metrics")[0] == 404, "figures are the operator's"
    assert server.get("/", server.metrics)[0] == 404
    assert server.get("/cgi-bin/register", server.metrics, "POST")[0] == 404
    assert server.get("/healthz", method="HEAD") == (200, "text/plain; charset=utf-8", "")


def test_live(server):
    """Two looks: the second one has rates."""
    watcher = subprocess.Popen([product.HONGYAN, "mon", "--data", server.data, "--interval", "200ms", "http_requests", "Send."],
                               stdout=subprocess.PIPE, text=True)
    for _ in range(5):
        server.get("/healthz")
        time.sleep(0.15)
    watcher.terminate()
    text, _ = watcher.communicate(timeout=10)
    assert f"process {server.process.pid}, runs since" in text, text
    assert re.search(r"^http_requests +\d+ +[1-9][0-9.]*/s", text, re.M), text
    assert re.search(r"^Send\.SendText +100% +20 ", text, re.M), text


def on_terminal(server, keys, *arguments):
    """What `hongyan mon` shows in 24 lines of 80 characters, screen by screen, while these keys are struck; it must end."""
    theirs, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    watcher = subprocess.Popen([product.HONGYAN, "mon", "--data", server.data, *arguments], stdin=ours, stdout=ours, stderr=ours)
    os.close(ours)
    shown = b""
    for key in keys:
        count = shown.count(b"\033[J")
        while shown.count(b"\033[J") == count:
            shown += os.read(theirs, 65536)
        os.write(theirs, key)
    assert watcher.wait(timeout=10) == 0
    os.close(theirs)
    return [re.sub(r"\033[^A-Za-z]*[A-Za-z]", "", screen).splitlines() for screen in shown.decode().split("\033[H")[1:]]


def test_small_terminal(server):
    """Methods come first; what does not fit is reached by keys; columns stay apart."""
    first, below, *_ = on_terminal(server, (b"\033[6~", b"q"), "--interval", "10s")
    for screen in first, below:
        assert len(screen) <= 24 and all(len(line) <= 80 for line in screen), screen
    assert first[2].startswith("method ") and any(re.match(r"Send\.SendText +\d+% +20 ", line) for line in first), first
    assert "lines 1 to 21 of" in first[22] and below[22] != first[22] and "q quits" in below[22], (first[22], below[22])
    assert all(len(line.split()) <= 6 for line in below[1:] if re.match(r"[a-z_]+ +\d", line)), below
    everything = hongyan("mon", "--once", "--data", server.data).stdout
    assert re.search(r"^kt_failed +0$", everything, re.M) and not any("kt_failed" in line for line in first + below)


def test_closed_pipe(server):
    """Nobody reads it any more: it ends."""
    for arguments in (("mon",), ("mon", "--once"), ("user", "list"), ("kt",)):
        reader = subprocess.Popen([product.HONGYAN, arguments[0], "--data", server.data, *arguments[1:]], stdout=subprocess.PIPE)
        reader.stdout.readline()
        reader.stdout.close()
        reader.wait(timeout=10)


def test_killed(server):
    server.get("/healthz")
    _, before, _ = mon(server.data)
    for _ in range(7):
        server.get("/healthz")
    server.kill()  # at once: nobody has looked since
    status, after, said = mon(server.data)
    assert status == 0 and after["http_requests"] == before["http_requests"] + 7, (before["http_requests"], after["http_requests"])
    assert "the server ended, last values of" in said and f"(process {server.process.pid} is gone)" in said, said


def test_ended(server):
    again = Server(server.data)
    assert mon(server.data)[1]["messages_sent"] == 0, "a new life counts anew"
    time.sleep(1.5)
    assert mon(server.data)[1]["users"] in (0, 2), "known after the first round over all users"
    again.end()
    status, _, said = mon(server.data)
    assert status == 0 and "the server ended at" in said, said


def test_addresses(server):
    """What is wrong with an address is said before anything is served."""
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    for address, why in ((f"127.0.0.1:{port}", "another address with --metrics"), ("*:7601", "reached from other machines"),
                         ("nonsense", "is no address")):
        ended = hongyan("serve", "--data", server.data, "--listen", "127.0.0.1:0", "--metrics", address, want=1)
        assert why in ended.stderr, (address, ended.stderr)
    taken.close()


def test_damage(server):
    path = os.path.join(server.data, "monitor")
    whole = pathlib.Path(path).read_bytes()
    for bytes_ in (whole[:1000], b"", b"x" * 5000, whole[:200] + b"\xff" * 4000 + whole[4200:]):
        pathlib.Path(path).write_bytes(bytes_)
        said = hongyan("mon", "--once", "--data", server.data, want=1).stderr
        assert "monitor: it is" in said, said
    os.unlink(path)
    said = hongyan("mon", "--once", "--data", server.data, want=1).stderr
    assert "no server has run" in said, said


def main():
    data = tempfile.mkdtemp(prefix="hongyan-mon-")
    server = Server(data)
    passed = failed = 0
    try:
        for test in (test_growth, test_names, test_metrics, test_doors, test_live, test_small_terminal, test_closed_pipe, test_killed, test_ended, test_addresses, test_damage):
            try:
                test(server)
                passed += 1
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                where = traceback.extract_tb(e.__traceback__)[-1]
                print(f"failed: {test.__name__[5:]}: {type(e).__name__}: {e}; line {where.lineno}: {where.line}")
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(data)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
