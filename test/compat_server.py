"""What freezing and thawing data folders share: a server with small files, and sync as a client does it."""
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
HONGYAN = pathlib.Path(os.environ.get("HONGYAN_BUILD", ROOT / "build/release")) / "src/main/hongyan"
# What was frozen is old one day: nothing may go because of its age.
OPTIONS = ["--listen", "127.0.0.1:0", "--metrics", "off", "--segment", "1M", "--memory", "4M", "--log", "8M", "--disk-reserve", "16M",
           "--password-memory", "8K", "--password-passes", "1", "--retain-days", "3650", "--inbox-days", "3650", "--loops", "2"]


class Server:
    def __init__(self, data):
        self.data, self.lines = str(data), []
        self.process = subprocess.Popen([HONGYAN, "serve", "--data", self.data, *OPTIONS], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if ready := re.match(r"Hongyan is ready at http://127\.0\.0\.1:(\d+)", line):
                self.port = int(ready.group(1))
                break
        else:
            sys.exit("the server did not start: " + self.process.stderr.read())
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0, "the server did not end well"


def hongyan(*arguments):
    return subprocess.run([HONGYAN, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def post(port, method, request):
    body = json.dumps(request).encode()
    wanted = urllib.request.Request("http://127.0.0.1:%d/cgi-bin/%s" % (port, method), body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(wanted, timeout=20) as answer:
        return json.load(answer)


def sync_all(port, ticket, snapshot=""):
    """All entries since a snapshot, and the newest one. The newest is not brought, so nothing is acknowledged by it."""
    entries = []
    while True:
        request = {"head": {"ticket": ticket}}
        if snapshot:
            request["snapshot"] = snapshot
        answer = post(port, "sync", request)
        assert not answer.get("head", {}).get("code"), answer
        entries += answer.get("entries", [])
        snapshot = answer["snapshot"]
        if not answer.get("more"):
            return entries, snapshot


def wait_until_moved(server):
    for _ in range(200):
        figures = dict(line.split()[:2] for line in hongyan("mon", "--once", "--data", server.data).splitlines() if len(line.split()) == 2)
        if int(figures["kt_durable_pos"]) > 0 and figures["kt_durable_pos"] == figures["kt_moved_pos"]:
            return
        time.sleep(0.1)
    sys.exit("the mover did not come")
