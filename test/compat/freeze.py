#!/usr/bin/python3
"""usage: test/compat/freeze.py NAME

Makes test/compat/data/NAME.tar.xz and NAME.json of the present release build: a data folder in which some people have lived, as kill -9
left it (part of it in RocksDB, part in the log alone), and what its people must find in it. To be run once for each release, and never
again under the same name: what was frozen is what people have on their disks. test/run-compat.py thaws it in every test run.
"""
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import compat_server  # noqa: E402
from product import hongyan  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parent / "data"
SKIPPED = {"monitor", "admin.sock", "LOCK"}


class Person:
    def __init__(self, server, name, password, device):
        self.server, self.name, self.password, self.device = server, name, password, device
        self.uin = self.ticket = None

    def ask(self, method, **request):
        return self.server.ask(method, ticket=self.ticket, device=self.device, **request)

    def enter(self, method, **request):
        answer = self.ask(method, name=self.name, password=self.password, deviceName=self.name + "'s " + self.device, **request)
        self.uin, self.ticket = answer["uin"], answer["ticket"]
        return self

    def text(self, to, text):
        self.ask("send-text", to=to.uin, text=text)

    def befriend(self, other, greeting):
        self.ask("request-contact", uin=other.uin, greeting=greeting)
        other.ask("accept-contact", uin=self.uin)

    def frozen(self, snapshot):
        entries, newest = compat_server.sync_all(self.server.port, self.ticket)
        since, _ = compat_server.sync_all(self.server.port, self.ticket, snapshot)
        return {"name": self.name, "password": self.password, "device": self.device, "uin": self.uin, "ticket": self.ticket,
                "entries": entries, "snapshot": snapshot, "since_snapshot": since, "newest_snapshot": newest}


def first_half(server):
    """What is in RocksDB afterwards."""
    ann = Person(server, "ann", "a goose flies south", "phone").enter("register")
    bob = Person(server, "bob", "a letter on its leg", "phone").enter("register")
    cai = Person(server, "cai", "over the great river", "tablet").enter("register")
    dan = Person(server, "dan", "with nine companions", "phone").enter("register")
    eve = Person(server, "eve", "and does not come back", "phone").enter("register")
    ann.befriend(bob, "it is me")
    eve.befriend(ann, "hello")
    ann.ask("set-remark", uin=bob.uin, remark="Bobby")
    ann.ask("update-profile", nickname="Ann 安", signature="flying", region="Suzhou", avatarColour=0x336699)
    bob.ask("update-settings", mayWrite="WHO_ANYONE", mayAsk="WHO_ANYONE")
    for i in range(20):
        ann.text(bob, "number %d" % i)
        bob.text(ann, "answer %d 回答" % i)
    eve.text(ann, "I shall be gone")
    ann.text(bob, "x" * 8192)
    return ann, bob, cai, dan, eve


def second_half(server, people):
    """What is in the log alone."""
    ann, bob, cai, dan, eve = people
    cai.ask("request-contact", uin=ann.uin, greeting="may I?")
    ann.ask("decline-contact", uin=cai.uin)
    dan.ask("request-contact", uin=bob.uin, greeting="and I?")
    cai.text(bob, "you let anyone write")
    bob.ask("block-contact", uin=cai.uin, blocked=True)
    desk = Person(server, "bob", bob.password, "desk").enter("sign-in")
    desk.text(ann, "from my desk")
    hongyan("user", "disable", "dan", "--data", server.data)
    hongyan("user", "delete", "eve", "--yes", "--data", server.data)
    return desk


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    name = sys.argv[1]
    if (DATA / (name + ".json")).exists():
        sys.exit("%s is frozen already: choose another name" % name)
    with tempfile.TemporaryDirectory() as folder:
        server = compat_server.serve(pathlib.Path(folder) / "data")
        people = first_half(server)
        snapshots = [compat_server.sync_all(server.port, p.ticket)[1] for p in people[:3]]
        compat_server.wait_until_moved(server)
        desk = second_half(server, people)
        time.sleep(0.3)  # what is told to others after the answer
        ann, bob, cai, dan, eve = people
        frozen = {"people": [p.frozen(s) for p, s in zip((ann, bob, cai, desk), (*snapshots, ""))],
                  "disabled": {"name": dan.name, "password": dan.password, "ticket": dan.ticket},
                  "deleted": {"name": eve.name, "password": eve.password, "ticket": eve.ticket, "uin": eve.uin}}
        server.kill()
        DATA.mkdir(exist_ok=True)
        with tarfile.open(DATA / (name + ".tar.xz"), "w:xz") as tar:
            tar.add(server.data, "data", filter=lambda t: None if pathlib.Path(t.name).name in SKIPPED else t)
        (DATA / (name + ".json")).write_text(json.dumps(frozen, ensure_ascii=False, indent=1) + "\n")
    subprocess.run(["ls", "-l", *sorted(DATA.glob(name + ".*"))], check=True)


main()
