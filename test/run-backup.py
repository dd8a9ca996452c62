#!/usr/bin/python3
"""usage: script/test backup

A server under load is backed up, killed and brought back elsewhere: all that was answered before the backup began is there, people
show nothing twice and miss nothing that they had; a look into a stopped folder changes nothing; and what `hongyan doctor` says.
"""
import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

from product import CHEAP, Server, head, hongyan

PEOPLE = 10
OPTIONS = (*CHEAP, "--segment", "1M", "--memory", "4M", "--loops", "2", "--disk-reserve", "16M", "--limit-send", "off")
FAILED_PRECONDITION = 9


class Person:
    """A user with one device, which keeps what it was given and its snapshot."""

    def __init__(self, number):
        self.number, self.name = number, "person-%d" % number
        self.link = self.ticket = None
        self.snapshot, self.shown, self.order = "", {}, []
        self.repeats = 0

    def call(self, method, request, port):
        body = json.dumps({"head": head(self.ticket, self.name), **request})
        if self.link is None or self.link.port != port:
            self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.link.request("POST", "/cgi-bin/" + method, body, {"Content-Type": "application/json"})
        answer = self.link.getresponse()
        return answer.status, json.loads(answer.read() or "{}")

    def must(self, method, request, port):
        status, answer = self.call(method, request, port)
        assert status == 200 and not answer.get("head", {}).get("code"), "%s: %d %s" % (method, status, answer)
        return answer

    def register(self, port):
        answer = self.must("register", {"name": self.name, "password": "a goose flies south"}, port)
        self.uin, self.ticket = answer["uin"], answer["ticket"]

    def sync(self, port):
        """Until there is no more. True: the server knew the snapshot."""
        known = True
        while True:
            _, answer = self.call("sync", {"snapshot": self.snapshot}, port)
            if answer.get("resync"):
                assert answer["head"]["code"] == FAILED_PRECONDITION
                known, self.snapshot = False, ""
                continue
            assert not answer.get("head", {}).get("code"), answer
            for entry in answer.get("entries", []):
                if entry["kind"] == "SYNC_KIND_MESSAGE" and entry["body"]["to"] == self.uin:
                    self.show(entry["body"])
            self.snapshot = answer["snapshot"]
            if not answer.get("more"):
                return known

    def show(self, message):
        if message["id"] in self.shown:
            assert self.shown[message["id"]] == message["text"], "one message ID, two texts"
            self.repeats += 1
            return
        self.shown[message["id"]] = message["text"]
        self.order.append(message["id"])


class Load:
    """Everybody writes to everybody, over the short link, until it ends or the server does."""

    def __init__(self, people, port):
        self.people, self.port, self.going = people, port, True
        self.answered = []  # (time of the answer, recipient, message ID, text)
        self.threads = [threading.Thread(target=self.write, args=(p,)) for p in people]
        for thread in self.threads:
            thread.start()

    def write(self, person):
        draw, count = random.Random(person.number), 0
        while self.going:
            to = draw.choice(self.people)
            text = "%s %d %s" % (person.name, count, "x" * draw.randrange(1500))
            count += 1
            try:
                status, answer = person.call("send-text", {"to": to.uin, "text": text}, self.port)
            except (OSError, http.client.HTTPException):
                person.link = None
                return
            if status == 200 and not answer.get("head", {}).get("code"):
                self.answered.append((time.monotonic(), to, answer["messageId"], text))

    def end(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def succeed(*arguments, cwd=None):
    return hongyan(*arguments, cwd=cwd).stdout


def refused(words, *arguments):
    said = hongyan(*arguments, want=1).stderr
    assert words in said, said


def everything_in(folder):
    """Each name below it with its mode, times and content."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        stat = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (oct(stat.st_mode), stat.st_size, stat.st_mtime_ns, content)
    return found


class Story:
    """The steps, in order; each is one check."""

    def __init__(self, folder):
        self.folder = folder
        self.data, self.second, self.third = (os.path.join(folder, n) for n in ("data", "second", "third"))
        self.backup, self.again = os.path.join(folder, "copies", "one"), os.path.join(folder, "two")
        self.people = [Person(i) for i in range(PEOPLE)]
        self.server = None
        os.mkdir(os.path.join(folder, "copies"))

    def a_backup_under_load(self):
        self.server = Server(self.data, *OPTIONS)
        for person in self.people:
            person.register(self.server.port)
            person.must("update-settings", {"mayWrite": "WHO_ANYONE"}, self.server.port)
        self.load = Load(self.people, self.server.port)
        time.sleep(1.5)
        self.began = time.monotonic()
        print(succeed("backup", "--data", self.data, "one", cwd=os.path.dirname(self.backup)).strip())
        self.took = time.monotonic() - self.began
        time.sleep(0.7)
        after = sum(1 for when, *_ in self.load.answered if when > self.began + self.took)
        assert after > 0, "nothing was answered after the backup"
        with open(os.path.join(self.data, "audit.log"), encoding="utf-8") as audit:
            assert "backup to %s" % self.backup in audit.read()

    def a_backup_is_complete_and_private(self):
        for path in [self.backup, *(str(p) for p in pathlib.Path(self.backup).rglob("*"))]:
            mode = os.lstat(path).st_mode & 0o777
            assert mode & 0o077 == 0, "%s has mode %o" % (path, mode)
        names = os.listdir(self.backup)
        assert {"FORMAT", "secret", "BACKUP", "log", "rows"} == set(names), names
        assert os.listdir(os.path.dirname(self.backup)) == ["one"] and "checkpoint" not in os.listdir(self.data)
        refused("is there already", "backup", "--data", self.data, self.backup)
        refused("%s does not exist: make it first" % os.path.join(self.folder, "nowhere"), "backup", "--data", self.data,
                os.path.join(self.folder, "nowhere", "one"))
        refused("is no data folder, and not empty", "serve", "--data", self.folder, "--listen", "127.0.0.1:0")
        assert sorted(os.listdir(self.folder)) == ["copies", "data"]
        shown = succeed("mon", "--once", "--data", self.data, "kt_backups_failed")
        assert shown.split()[1] == "0", shown
        refused("is a backup", "serve", "--data", self.backup)

    def people_fetch_then_it_is_killed(self):
        self.load.end()
        self.first = self.load.answered
        for person in self.people:
            person.sync(self.server.port)
        self.load = Load(self.people, self.server.port)
        time.sleep(0.4)
        self.key = "user:%d" % self.people[0].uin
        self.keys = succeed("kt", "--data", self.data, "keys")
        self.server.kill()
        self.load.end()

    def a_look_changes_nothing(self):
        for folder in (self.data, self.backup):
            before = everything_in(folder)
            assert succeed("kt", "--data", folder, "keys") == self.keys
            assert self.people[0].name in succeed("kt", "--data", folder, self.key, "account")
            rows = succeed("kt", "--data", folder, "--limit", "5", self.key, "inbox")
            assert len(rows.splitlines()) == 6 and " version " in rows, rows
            assert everything_in(folder) == before, "something in %s changed" % folder

    def a_restore_elsewhere(self):
        print(succeed("restore", self.backup, "--data", self.second).strip())
        refused("is not empty", "restore", self.backup, "--data", self.second)
        refused("is no backup", "restore", self.data, "--data", self.third)
        assert not os.path.exists(self.third)
        self.server = Server(self.second, *OPTIONS)

    def what_was_answered_before_is_there(self):
        newcomers = []
        for person in self.people:
            newcomer = Person(person.number)
            newcomer.uin, newcomer.ticket = person.uin, person.ticket  # tickets are still good
            newcomer.sync(self.server.port)
            assert newcomer.repeats == 0, "a message twice in one inbox"
            newcomers.append(newcomer)
        self.promised = [(to, number, text) for when, to, number, text in self.first if when < self.began]
        assert len(self.promised) > 100, len(self.promised)
        for to, number, text in self.promised:
            assert newcomers[to.number].shown.get(number) == text, "a message that was answered before the backup is gone"

    def who_was_further_resyncs(self):
        kept = [list(person.order) for person in self.people]
        for person, had in zip(self.people, kept):
            assert not person.sync(self.server.port), "a snapshot of the old store was taken for one of this"
            assert person.order[:len(had)] == had and person.repeats > 0
            assert person.sync(self.server.port)
        for to, number, _ in self.promised:
            assert number in to.shown, "a gap"

    def life_goes_on(self):
        self.load = Load(self.people, self.server.port)
        time.sleep(0.5)
        self.load.end()
        for person in self.people:
            before = person.repeats
            assert person.sync(self.server.port)
            assert person.repeats == before, "a new message came twice"
        assert len(self.load.answered) > 20
        for _, to, number, text in self.load.answered:
            assert to.shown.get(number) == text, "a message after the restore is missing"

    def a_backup_of_what_was_restored(self):
        succeed("backup", "--data", self.second, self.again)
        succeed("restore", self.again, "--data", self.third)
        server = Server(self.third, *OPTIONS)
        for person in self.people:
            reader = Person(person.number)
            reader.uin, reader.ticket = person.uin, person.ticket
            reader.sync(server.port)
            for _, to, number, _ in self.load.answered:
                assert to is not person or number in reader.shown
        server.end()

    def the_doctor_comes(self):
        listen = "127.0.0.1:%d" % self.server.port
        text = succeed("doctor", "--data", self.second, "--listen", listen)
        assert "used by hongyan" in text and "problem " not in text and "runs;" in text, text
        text = hongyan("doctor", "--data", self.data, "--listen", listen, want=1).stdout
        assert "is taken by hongyan" in text, text
        self.server.end()
        before = everything_in(self.second)
        text = succeed("doctor", "--data", self.second, "--listen", listen)
        assert "is free" in text and "the log reads well" in text, text
        after = everything_in(self.second)
        assert {name for name in after if after[name] != before.get(name)} == {"audit.log"} and before.keys() <= after.keys(), after.keys()
        assert "doctor: 0 problems" in pathlib.Path(self.second, "audit.log").read_text()
        os.chmod(os.path.join(self.second, "secret"), 0o644)
        text = hongyan("doctor", "--data", self.second, "--listen", listen, want=1).stdout
        assert "chmod go=" in text, text

    def steps(self):
        return [self.a_backup_under_load, self.a_backup_is_complete_and_private, self.people_fetch_then_it_is_killed,
                self.a_look_changes_nothing, self.a_restore_elsewhere, self.what_was_answered_before_is_there,
                self.who_was_further_resyncs, self.life_goes_on, self.a_backup_of_what_was_restored, self.the_doctor_comes]


def main():
    folder = tempfile.mkdtemp(prefix="hongyan-backup-")
    story, passed = Story(folder), 0
    steps = story.steps()
    try:
        for step in steps:
            step()
            passed += 1
    except AssertionError as wrong:
        print("failed: %s: %s" % (step.__name__.replace("_", " "), wrong))
        print(story.server.said()[-4000:] if story.server else "")
    finally:
        if story.server and story.server.process.poll() is None:
            story.server.kill()
        if hasattr(story, "load"):
            story.load.end()
        shutil.rmtree(folder)
    print("%d passed, %d failed" % (passed, len(steps) - passed))
    return passed != len(steps)


if __name__ == "__main__":
    sys.exit(main())
