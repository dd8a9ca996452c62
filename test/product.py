"""The product as tests meet it from outside: its programs, a server in a process of its own, and requests in JSON over the short link."""
import base64
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("HONGYAN_BUILD", ROOT / "build/release"))
HONGYAN = BUILD / "src/main/hongyan"
# Options of a server whose password hashes cost next to nothing.
CHEAP = ("--password-memory", "8K", "--password-passes", "1")


def hongyan(*arguments, want=0, stdin="", cwd=None):
    """A command that ends: its stdout, stderr and returncode, which must be the wanted one (None: any)."""
    ended = subprocess.run([HONGYAN, *arguments], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd)
    said = " ".join(map(str, arguments)) + ": " + ended.stdout + ended.stderr
    assert want in (None, ended.returncode), f"status {ended.returncode} of hongyan {said}"
    return ended


def head(ticket=None, device="phone"):
    """Of a request that has not been made before."""
    made = {"device": device, "clientId": base64.b64encode(os.urandom(16)).decode(), "madeMs": str(int(time.time() * 1000))}
    return {**made, "ticket": ticket} if ticket else made


def post(port, method, request):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("POST", "/cgi-bin/" + method, json.dumps(request), {"Content-Type": "application/json"})
    answer = json.load(link.getresponse())
    link.close()
    return answer


class Server:
    """`hongyan serve` on a data folder. It keeps its address when it is started again."""

    def __init__(self, data, *options, listen="127.0.0.1:0"):
        self.data, self.options, self.address = str(data), options, listen
        self.output = tempfile.TemporaryFile()
        self.start()

    def start(self):
        before = len(self.said())
        self.process = subprocess.Popen([HONGYAN, "serve", "--data", self.data, "--listen", self.address, *self.options],
                                        stdout=self.output, stderr=self.output)
        while "\ndata in " not in (said := self.said()[before:]):
            if self.process.poll() is not None:
                sys.exit("the server did not start: " + said)
            time.sleep(0.01)
        self.address = re.search(r"ready at http://(\S+)", said)[1]
        self.port = int(self.address.rpartition(":")[2])

    def said(self):
        """What it has printed and logged, in all its lives."""
        return os.pread(self.output.fileno(), 64 << 20, 0).decode(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        status = self.process.wait(timeout=30)
        assert status == 0, f"the server did not end well: status {status}\n{self.said()[-4000:]}"

    def ask(self, method, want=0, ticket=None, device="phone", **fields):
        """A request of the short link; its answer, whose code must be the wanted one."""
        answer = post(self.port, method, {"head": head(ticket, device), **fields})
        assert answer.get("head", {}).get("code", 0) == want, f"{method}: wanted {want}, got {answer}"
        return answer
