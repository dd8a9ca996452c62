"""A device: a driver process and the line protocol that it speaks (README.md), and what was seen of it."""
import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

PATIENCE_S = 20
START_S = 60  # a browser's start on a busy machine
POLL_S = 0.05


class Failure(AssertionError):
    """A library does not do what it must."""


class Device:
    """Of a person; its processes come and go, its folder stays."""

    def __init__(self, person, name, library, command, folder, network, look):
        self.person, self.name, self.library, self.command = person, name, library, command
        self.folder, self.network, self.look = folder, network, look
        self.folder.mkdir()
        self.id = folder.name
        self.process = None
        self.signed_in = False
        self.events = []  # (when, event), of all its lives
        self.may_lack = 0  # so many of the first texts: the server did not keep them long enough
        self.must_have = None  # after a restore: the texts that this device had before
        self.errors = open(folder.parent / (folder.name + ".err"), "ab")

    # ---- its life ----

    def start(self):
        self.process = subprocess.Popen([*self.command, self.network.address, self.folder, self.id], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True, encoding="utf-8")
        self.answers, self.waiting = {}, threading.Condition()
        self.number = 0
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()
        return self

    def running(self):
        return self.process is not None

    def listen(self, process):
        for line in process.stdout:
            said = json.loads(line)
            with self.waiting:
                if "event" in said:
                    self.events.append((time.monotonic(), said))
                else:
                    self.answers[said["n"]] = said
                self.waiting.notify_all()
        with self.waiting:
            self.waiting.notify_all()

    def kill(self):
        """Also the process that its driver has named in FOLDER/pid, before the driver could end it well."""
        if not self.process:
            return
        helper = self.folder / "pid"
        if helper.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(helper.read_text()), signal.SIGKILL)
            helper.unlink()
        self.process.kill()
        self.process.wait()
        self.process = None

    def end(self):
        self.ask("end")
        status = self.process.wait(timeout=PATIENCE_S)
        self.process = None
        (self.folder / "pid").unlink(missing_ok=True)
        if status != 0:
            raise Failure(f"{self.name} ended with status {status}")

    def copy_to(self, other):
        shutil.rmtree(other.folder)
        shutil.copytree(self.folder, other.folder, symlinks=True)
        other.id, other.signed_in = self.id, self.signed_in

    # ---- what it is asked ----

    def begin(self, do, **fields):
        self.number += 1
        line = json.dumps({"n": self.number, "do": do, **fields}, ensure_ascii=False)
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} has died: {self.last_words()}") from None
        return self.number

    def ask(self, do, want=None, **fields):
        """The answer to a line, which must be the wanted error, or none."""
        number = self.begin(do, **fields)
        with self.waiting:
            patience = START_S if number == 1 else PATIENCE_S
            if not self.waiting.wait_for(lambda: number in self.answers or self.process.poll() is not None, patience):
                raise Failure(f"{self.name} did not answer to {do}")
            if number not in self.answers:
                raise Failure(f"{self.name} has died: {self.last_words()}")
            answer = self.answers.pop(number)
        if answer.get("error") != want:
            got = f"{answer.get('error', 'an answer')} {answer.get('why', '')}"
            raise Failure(f"{self.name}, {do}: wanted {want or 'an answer'}, got {got}")
        return answer.get("ok")

    def last_words(self):
        self.errors.flush()
        return open(self.errors.name, encoding="utf-8", errors="replace").read()[-2000:]

    def dump(self):
        """All that it knows; nobody is ever to be shown a text twice."""
        dump = self.ask("dump")
        ids = collections.Counter(row["id"] for row in dump["texts"])
        twice = [row["text"][:60] for row in dump["texts"] if ids[row["id"]] > 1]
        if twice:
            raise Failure(f"{self.name} shows twice: {twice}")
        self.look(self, dump)
        return dump

    # ---- what it tells ----

    def until(self, what, true_of, patience=PATIENCE_S):
        """Asks it again and again; what was last seen when that is in vain."""
        deadline = time.monotonic() + patience
        while True:
            seen = self.dump()
            if true_of(seen):
                return seen
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: {what}, in vain; there is {json.dumps(seen, ensure_ascii=False)[:1500]}")
            time.sleep(POLL_S)

    def told(self, event, **fields):
        """When it told of such events."""
        with self.waiting:
            return [when for when, said in self.events
                    if said["event"] == event and all(said.get(name) == value for name, value in fields.items())]

    def until_told(self, what, event, patience=PATIENCE_S, **fields):
        with self.waiting:
            def there():
                return any(said["event"] == event and all(said.get(n) == v for n, v in fields.items()) for _, said in self.events)
            if not self.waiting.wait_for(there, patience):
                raise Failure(f"{self.name} was not told: {what}; but {[said for _, said in self.events][-20:]}")
