#!/usr/bin/python3
"""usage: script/test fault [--seconds N] [--seed S] [--power-cut-share P] [--users N] [--keep] [--build FOLDER]

Many clients send to each other over both links, with repeats, while the server is killed, power-cut, frozen and restarted, and links are
cut, reset and black-holed. At the end nothing may be lost, doubled, altered or out of order. Prints what was exercised;
a kind of fault that never came is a failure too. The data folder and the server's log stay in build/fault when something is
wrong.
"""
import argparse
import asyncio
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

from client import CMD_SEND, CMD_SYNC, Device, Lost
from contacts import Pairs
from model import Model, Violation
from plan import Plan
from server import Server, ServerFailed

# The smallest that the server takes, so that mover, eviction, new segments and cold keys all come within a minute.
OPTIONS = ["--memory", "1M", "--log", "8M", "--segment", "1M", "--disk-reserve", "1M", "--retain-days", "0", "--loops", "2",
           "--password-memory", "8K", "--password-passes", "1", "--log-level", "info"]
PASSWORD = "a long password"
CANCELLED, DEADLINE, EXHAUSTED, ABORTED, UNAVAILABLE = 1, 4, 8, 10, 14
MUST_COME = ["kills", "kills during recovery", "power cuts", "pages taken back", "clean restarts", "messages sent", "sends answered",
             "repeats", "repeats recognised", "both links at once", "links cut", "links reset", "links black-holed", "answers dropped",
             "same snapshot again", "hints", "pairs in order", "new log segments", "sign-outs", "contacts: changes"]


class Counts(collections.Counter):
    links = 0

    def add(self, what, n=1):
        self[what] += n

    def next_link(self):
        self.links += 1
        return self.links


def load_messages():
    """The generated classes of all client-facing messages, as one namespace."""
    folder = tempfile.mkdtemp(prefix="hongyan-pb-")
    names = "options head auth profile contacts send sync link".split()
    subprocess.run(["protoc", "-I", os.path.join(ROOT, "proto"), "--python_out", folder, *[n + ".proto" for n in names]], check=True)
    sys.path.insert(0, folder)
    pb = argparse.Namespace(UNKNOWN_OUTCOME={CANCELLED, DEADLINE, EXHAUSTED, ABORTED, UNAVAILABLE})
    for name in names[1:]:
        vars(pb).update({k: v for k, v in vars(__import__(name + "_pb2")).items() if not k.startswith("_")})
    shutil.rmtree(folder)
    return pb


class User:
    def __init__(self, run, index):
        self.name, self.index, self.uin = "user%d" % index, index, 0
        self.devices = []
        self.sleepy = index % 4 == 3  # away for long: its key grows cold


class Person:
    """One device and whoever holds it: sends, repeats, syncs."""

    def __init__(self, run, user, name):
        self.run, self.user, self.rng = run, user, run.rng
        self.device = Device(run.pb, run.server.port, name, run.plan.fate, run.counts)
        self.view = None
        self.unanswered = []
        self.syncing = asyncio.Lock()
        self.signed_in = asyncio.Event()

    # ---- who

    async def until_ok(self, cmd, request, response):
        """The same request again until it is answered with OK."""
        pb = self.run.pb
        while True:
            await self.run.server.up.wait()
            try:
                answer = await self.device.call(cmd, request, response, over_long=False)
            except Lost:
                await asyncio.sleep(0.05)
                continue
            if answer.head.code == 0:
                return answer
            if answer.head.code not in pb.UNKNOWN_OUTCOME:
                raise Violation("command %d of %s was refused: %d %s" % (
                    cmd, self.user.name, answer.head.code, answer.head.message))
            await asyncio.sleep(0.05)

    async def register(self):
        pb = self.run.pb
        answer = await self.until_ok(101, pb.RegisterRequest(head=self.device.head(), name=self.user.name, password=PASSWORD),
                                     pb.RegisterResponse)
        self.user.uin, self.device.ticket = answer.uin, answer.ticket
        self.has_signed_in()

    async def sign_in(self):
        pb = self.run.pb
        self.device.ticket = b""
        answer = await self.until_ok(102, pb.SignInRequest(head=self.device.head(), name=self.user.name, password=PASSWORD),
                                     pb.SignInResponse)
        self.device.ticket = answer.ticket
        self.has_signed_in()

    def has_signed_in(self):
        if not self.view:
            self.view = self.run.model.new_view(self.user.uin, self.device.name)
        self.signed_in.set()
        self.device.signed_out = False

    async def sign_out(self):
        """While no device of a user is signed in, nothing of his may go. Whether the server heard it does not matter."""
        pb = self.run.pb
        self.signed_in.clear()
        self.device.signed_out = True
        async with self.syncing:
            try:
                await self.device.call(103, pb.SignOutRequest(head=self.device.head()), pb.SignOutResponse, over_long=False)
            except Lost:
                pass
            self.device.hang_up()
            self.run.counts.add("sign-outs")
            await asyncio.sleep(self.rng.uniform(0.2, 2))
            await self.sign_in()

    # ---- sending

    def new_message(self):
        run = self.run
        user = run.pick_recipient(self.user)
        length = int(2 ** self.rng.uniform(0, 12.5))
        text = "%d:%s" % (len(run.model.messages), run.filler[:length] if length % 3 else "鸿雁 é" * (length // 12))
        run.counts.add("messages sent")
        return run.model.new_message(self.user.uin, self.device.name, user.uin, text, self.rng.randbytes(16), int(time.time() * 1000))

    def request(self, message):
        return self.run.pb.SendTextRequest(head=self.device.head(message.client_id, message.made_ms), to=message.to,
                                           text=message.text).SerializeToString()

    def start(self, link, message):
        """The bytes go now. What awaits the answer is returned."""
        link.sends += 1
        outcome = self.run.model.tried(message, link.number, link.sends)
        future = link.start(CMD_SEND, self.request(message))
        if len(message.tries) > 1:
            self.run.counts.add("repeats")
        return self.finish(link, message, future, outcome)

    async def finish(self, link, message, future, outcome):
        """True: answered with OK. Lost or refused for now: the message stays unanswered."""
        pb, ticket = self.run.pb, self.device.ticket
        try:
            answer = pb.SendTextResponse.FromString(await self.device.wait(link, future))
        except Lost:
            outcome[0] = "lost"
            return False
        code = answer.head.code
        if self.run.plan.drops_answer():
            outcome[0] = "answer %d was dropped" % code
            self.run.counts.add("answers dropped")
            return False
        if code == 0:
            outcome[0] = "ok"
            if not message.answered:
                self.run.counts.add("sends answered")
            self.run.model.sent(message, answer.message_id)
            return True
        outcome[0] = "%d %s" % (code, answer.head.message)
        self.run.counts.add("sends refused: code %d" % code)
        if self.device.old_ticket(code, ticket):
            return False
        if code not in pb.UNKNOWN_OUTCOME:
            raise Violation("a send was refused: %s" % outcome[0], message.number, self.user.uin)
        await asyncio.sleep(min(answer.head.retry_after_ms, 500) / 1000)
        return False

    async def send_some(self):
        """A burst to one recipient on the long link; or one message by either link, or by both at once."""
        messages = [self.new_message()]
        kind = self.rng.random()
        if kind < 0.45:
            for _ in range(self.rng.randrange(1, 8)):
                messages.append(self.new_message())
                messages[-1].to = messages[0].to
        try:
            link = await (self.device.long_link() if kind < 0.85 else self.device.short_link())
            waits = [self.start(link, m) for m in messages]
            if 0.75 < kind < 0.85:
                waits.append(self.start(await self.device.short_link(), messages[0]))
                self.run.counts.add("both links at once")
        except Lost:
            waits = []
        await asyncio.gather(*waits)
        for message in messages:
            if not message.answered and self.rng.random() > 0.03:  # some are never tried again
                self.unanswered.append(message)

    async def repeat_some(self):
        """Unanswered ones once more; now and then one that is answered (a client may have missed that)."""
        again, self.unanswered = self.unanswered, []
        self.rng.shuffle(again)
        if not self.run.plan.calm and self.rng.random() < 0.1 and self.run.model.messages:
            old = self.rng.choice(self.run.model.messages[-300:])
            if old.sender == self.user.uin and old.device == self.device.name and old not in again and old.tries:
                again.append(old)
        while again:
            message = again.pop()
            try:
                link = await (self.device.long_link() if self.rng.random() < 0.5 else self.device.short_link())
                await self.start(link, message)
            except Lost:
                pass
            if not message.answered:  # the others would fare no better now
                self.unanswered += [message, *again]
                return

    # ---- syncing

    async def sync(self):
        """Until there is no more. Lost ends it; the next one brings the same snapshot again."""
        async with self.syncing:
            more = self.signed_in.is_set()
            while more:
                self.device.hinted.clear()
                more = await self.sync_page()

    async def sync_page(self):
        run, pb, view = self.run, self.run.pb, self.view
        start = time.monotonic()
        request = pb.SyncRequest(head=self.device.head(), snapshot=view.snapshot)
        try:
            answer = await self.device.call(CMD_SYNC, request, pb.SyncResponse, over_long=self.rng.random() < 0.7)
        except Lost:
            return False
        if answer.resync and run.resync_is_due:
            run.counts.add("resyncs")
            run.model.forget(view)
            return True
        if answer.resync:
            raise Violation("device %s was told to resync: %s" % (view.name, answer.head.message), user=view.user)
        if answer.head.code in pb.UNKNOWN_OUTCOME:
            return False
        if answer.head.code:
            raise Violation("a sync of %s was refused: %d %s" % (view.name, answer.head.code, answer.head.message), user=view.user)
        if pb.SYNC_KIND_MESSAGE in answer.reset and not (view.reborn and not view.snapshot):
            raise Violation("device %s was told that messages are gone which it had not brought" % view.name, user=view.user)
        if view.snapshot and answer.reset:
            raise Violation("device %s was told to replace its account" % view.name, user=view.user)
        keep = run.plan.calm or self.rng.random() > 0.08
        texts = [(e.version, pb.TextMessage.FromString(e.body)) for e in answer.entries
                 if e.kind == pb.SYNC_KIND_MESSAGE and e.type == pb.SYNC_TYPE_TEXT]
        run.model.answer(view, texts, answer.more, keep, answer.snapshot, start)
        run.counts.add("syncs")
        run.counts.add("same snapshot again", not keep)
        return answer.more or not keep

    # ---- a life

    async def live(self):
        await asyncio.gather(self.live_sending(), self.live_reading(), self.live_signing())

    async def live_sending(self):
        while not self.run.plan.calm:
            await self.run.server.up.wait()
            await self.signed_in.wait()
            await self.send_some()
            await self.repeat_some()
            await asyncio.sleep(self.rng.expovariate(1 / self.run.pause))

    async def live_reading(self):
        while not self.run.plan.calm:
            await self.run.server.up.wait()
            try:
                await asyncio.wait_for(self.device.hinted.wait(), self.rng.uniform(0.2, 1))
                self.run.counts.add("hints")
            except asyncio.TimeoutError:
                pass
            if self.user.sleepy:
                back = time.monotonic() + self.rng.uniform(1, 6)
                while time.monotonic() < back and not self.run.plan.calm:
                    await asyncio.sleep(0.1)
            await self.sync()

    async def live_signing(self):
        if len(self.user.devices) > 1:
            return
        while not self.run.plan.calm:
            await asyncio.sleep(0.25)
            if self.rng.random() < 0.02:
                await self.sign_out()

    async def settle(self):
        """No more faults: everything unanswered is answered."""
        self.device.hang_up()
        while self.unanswered:
            await self.repeat_some()
            await asyncio.sleep(0.02)


class Run:
    def __init__(self, options, server_options=None):
        self.options = options
        self.rng = random.Random(options.seed)
        self.pb = load_messages()
        self.counts, self.model = Counts(), Model()
        self.plan = Plan(self.rng, options.power_cut_share, self.counts)
        self.folder = os.path.join(ROOT, "build/fault", "run-%d" % options.seed)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.server = Server(options.build, self.folder, server_options or OPTIONS, options.sync_us, options.preload)
        self.filler = "".join(self.rng.choices("abcdefghijklmnopqrstuvwxyz ", k=8000))
        self.users = [User(self, i) for i in range(options.users)]
        self.people = [Person(self, u, "d%d.%d" % (u.index, i)) for u in self.users for i in range(1 + (u.index % 3 == 0))]
        for p in self.people:
            p.user.devices.append(p)
        self.pause = 0.004 * len(self.people)
        self.pairs = Pairs(self, options.pairs)
        self.stats = collections.Counter()
        self.resync_is_due = False  # after a repair

    def pick_recipient(self, sender):
        """A few are popular; now and then it is oneself."""
        return self.users[min(int(self.rng.expovariate(6 / len(self.users))), len(self.users) - 1)] \
            if self.rng.random() < 0.5 else self.rng.choice(self.users)

    async def enter(self):
        calm, self.plan.calm = self.plan.calm, True
        await self.server.start()
        await asyncio.gather(*[u.devices[0].register() for u in self.users])
        await asyncio.gather(*[p.sign_in() for p in self.people if p is not p.user.devices[0]])
        await self.pairs.enter(PASSWORD)
        for p in self.people:
            p.device.hang_up()
        self.pairs.hang_up()
        self.plan.calm = calm

    async def count_server(self):
        """Its own counters die with it: they are asked for now and then."""
        while not self.plan.calm:
            await asyncio.sleep(0.5)
            if self.server.up.is_set():
                for name, n in (await self.server.stat()).items():
                    self.stats[name] = max(self.stats[name], n)
                self.counts["new log segments"] = max(self.counts["new log segments"], self.server.newest_segment() - 1)

    async def disturb(self):
        end = time.monotonic() + self.options.seconds
        await self.plan.disturb(self.server, lambda: time.monotonic() > end)
        self.plan.calm = True

    async def settle(self):
        await self.server.end(signal.SIGKILL)
        self.counts.add("kills")
        if self.options.power_cut_share > 0:
            await self.plan.cut(self.server)
        await self.server.start()
        await asyncio.wait_for(asyncio.gather(*[p.settle() for p in self.people]), 90)
        for _ in range(2):
            await asyncio.gather(*[self.sync_all(p) for p in self.people])
        self.pairs.hang_up()
        await self.pairs.settle()

    async def sync_all(self, person):
        rounds = len(person.view.rounds)
        while len(person.view.rounds) == rounds:
            await person.sync()

    def judge(self):
        self.model.check_complete()
        self.model.check_fresh()
        self.model.check_time_order()
        self.counts["pairs in order"] = self.model.check_link_order()
        self.counts["repeats recognised"] = self.model.recognised()

    async def all(self):
        await self.enter()
        tasks = [asyncio.create_task(c) for c in [self.disturb(), self.count_server(), *[p.live() for p in self.people],
                                                   *[h.live() for h in self.pairs.halves]]]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await self.end_tasks(tasks)
        await self.settle()
        self.judge()
        for p in self.people:
            p.device.hang_up()
        self.pairs.hang_up()
        await self.server.end(signal.SIGTERM)

    async def end_tasks(self, tasks):
        """wait_for() swallows a cancellation that comes with its result: so more than once."""
        self.plan.calm = True
        left = [task for task in tasks if not task.done()]
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=1)
        for task in tasks:
            if not task.cancelled():
                task.exception()

    async def guarded(self):
        """What is wrong, as lines; empty: nothing."""
        try:
            await self.all()
            return []
        except Violation as v:
            return ["user %s: %s" % (v.user, v), *self.model.describe(v)]
        except ServerFailed as e:
            return [str(e)]
        except asyncio.TimeoutError:
            return ["not everything was answered within 90 s of calm"]
        except AssertionError as e:
            return [str(e) or traceback.format_exc()]
        finally:
            process = self.server.process
            if process and process.returncode is None:
                process.kill()
                await process.wait()


def wrong_with_exercise(run):
    wanted = [w for w in MUST_COME if run.options.power_cut_share > 0 or w not in ("power cuts", "pages taken back")]
    return ["never came: %s" % what for what in wanted if not run.counts[what]] if not run.options.short else []


def report(run, wrong, began):
    for what, n in sorted(run.counts.items()):
        print("  %-24s %d" % (what, n))
    for name in ("kt_evicted", "kt_evictions", "kt_moved_rows", "kt_cold_reads", "kt_flushes", "messages_repeated", "resyncs"):
        if name in run.stats:
            print("  server: %-16s %d in one life" % (name, run.stats[name]))
    print("%s: seed %d, %d s, %d messages, %d kills, %d power cuts" % (
        "FAILED" if wrong else "held", run.options.seed, time.monotonic() - began, len(run.model.messages),
        run.counts["kills"] + run.counts["kills during recovery"], run.counts["power cuts"]))


def parse(arguments=None):
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--seconds", type=float, default=25)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--power-cut-share", type=float, default=0.6)
    p.add_argument("--users", type=int, default=40)
    p.add_argument("--pairs", type=int, default=4, help="of people who become contacts, or not")
    p.add_argument("--sync-us", type=int, default=1500, help="a pretended sync's mean time; -1: the real disk's")
    p.add_argument("--build", default=os.environ.get("HONGYAN_BUILD", os.path.join(ROOT, "build/release")))
    p.add_argument("--preload", default="", help="libraries that must come first in the server: a sanitizer's")
    p.add_argument("--keep", action="store_true", help="keep the folder also when all is well")
    p.add_argument("--short", action="store_true", help="do not ask for every kind of fault")
    options = p.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def main():
    options = parse()
    began = time.monotonic()
    run = Run(options)
    print("seed %d" % options.seed, flush=True)
    wrong = asyncio.run(run.guarded())
    wrong += ["in the server's log: " + line for line in run.server.bad_lines()[:20]]
    if not wrong:
        wrong = wrong_with_exercise(run)
    report(run, wrong, began)
    if wrong:
        print("\n".join(["", *wrong, "seed %d; kept: %s" % (options.seed, run.folder)]))
    elif not options.keep:
        run.server.remove()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
