"""Pairs of people who ask, accept, delete and block each other while everything fails; at the end both sides agree, and who may write is
as the recipient's row says.

Each has one device and does one thing at a time, so the last change that was answered is what counts, or a later one whose outcome is
unknown.
"""
import asyncio
import os
import time

from client import CMD_SEND, CMD_SYNC, Device, Lost
from model import Violation

NONE, OUTGOING, INCOMING, CONTACT, ENDED = range(5)
NAMES = "none outgoing incoming contact ended".split()
AGREE = {(NONE, NONE), (CONTACT, CONTACT), (OUTGOING, INCOMING), (INCOMING, OUTGOING), (ENDED, NONE), (NONE, ENDED)}
FAILED_PRECONDITION, PERMISSION_DENIED, NOT_FOUND = 9, 7, 5
ASK, ACCEPT, DECLINE, DELETE, RESTORE, BLOCK = range(131, 137)


class Half:
    """One of a pair. `wishes` and `blocks`: the values that the last change may have left."""

    def __init__(self, run, name):
        self.run, self.rng, self.name = run, run.rng, name
        self.device = Device(run.pb, run.server.port, name, run.plan.fate, run.counts)
        self.uin, self.other = 0, None
        self.wishes, self.blocks = {False}, {False}
        self.snapshot, self.row = b"", None

    async def until_ok(self, cmd, make, response, tries=1000):
        """The same request again until there is an answer that stands; None: given up, the outcome is unknown."""
        client_id, made_ms = os.urandom(16), int(time.time() * 1000)
        for _ in range(tries):
            await self.run.server.up.wait()
            try:
                request = make(self.device.head(client_id, made_ms))
                answer = await self.device.call(cmd, request, response, over_long=cmd > 104 and self.rng.random() < 0.5)
            except Lost:
                await asyncio.sleep(0.05)
                continue
            if answer.head.code not in self.run.pb.UNKNOWN_OUTCOME:
                return answer
            await asyncio.sleep(0.05)
        return None

    async def enter(self, password):
        pb = self.run.pb
        answer = await self.until_ok(101, lambda head: pb.RegisterRequest(head=head, name=self.name, password=password),
                                     pb.RegisterResponse)
        self.uin, self.device.ticket = answer.uin, answer.ticket
        answer = await self.until_ok(142, lambda head: pb.UpdateSettingsRequest(head=head, may_write=pb.WHO_CONTACTS),
                                     pb.UpdateSettingsResponse)
        if answer.head.code:
            raise Violation("settings were refused: %d %s" % (answer.head.code, answer.head.message), user=self.uin)

    # ---- what they do

    async def change(self, cmd, blocked=False):
        pb = self.run.pb
        uin = self.other.uin
        make = {ASK: lambda head: pb.RequestContactRequest(head=head, uin=uin, greeting="hello"),
                BLOCK: lambda head: pb.BlockContactRequest(head=head, uin=uin, blocked=blocked)}.get(
                    cmd, lambda head: pb.AcceptContactRequest(head=head, uin=uin))  # they are packed alike
        register, value = (self.blocks, blocked) if cmd == BLOCK else (self.wishes, cmd in (ASK, ACCEPT, RESTORE))
        register.add(value)
        answer = await self.until_ok(cmd, make, pb.AcceptContactResponse, tries=self.rng.choice((1, 2, 1000)))
        if answer is None:
            self.run.counts.add("contacts: outcome unknown")
        elif answer.head.code == 0:
            register.clear()
            register.add(value)
            self.run.counts.add("contacts: changes")
        elif answer.head.code not in (FAILED_PRECONDITION, NOT_FOUND):
            raise Violation("%s: command %d was refused: %d %s" % (self.name, cmd, answer.head.code, answer.head.message), user=self.uin)

    async def live(self):
        while not self.run.plan.calm:
            cmd = self.rng.choice((ASK, ASK, ASK, ACCEPT, ACCEPT, ACCEPT, DECLINE, DELETE, DELETE, RESTORE, BLOCK))
            await self.change(cmd, self.rng.random() < 0.4)
            await asyncio.sleep(self.rng.expovariate(4))

    # ---- what they see

    async def sync(self):
        pb, more = self.run.pb, True
        while more:
            answer = await self.until_ok(CMD_SYNC, lambda head: pb.SyncRequest(head=head, snapshot=self.snapshot), pb.SyncResponse)
            if answer.head.code:
                raise Violation("a sync of %s was refused: %d %s" % (self.name, answer.head.code, answer.head.message), user=self.uin)
            for e in answer.entries:
                if e.kind == pb.SYNC_KIND_CONTACT and e.type == pb.SYNC_TYPE_CONTACT:
                    self.row = pb.ContactEntry.FromString(e.body)
            self.snapshot, more = answer.snapshot, answer.more

    def relation(self):
        return self.row.relation if self.row else NONE

    def blocked(self):
        return bool(self.row and self.row.blocked)

    def check(self):
        if (self.relation() in (OUTGOING, CONTACT, ENDED)) not in self.wishes:
            raise Violation("%s is %s, and wished otherwise last" % (self.name, NAMES[self.relation()]), user=self.uin)
        if self.blocked() not in self.blocks:
            raise Violation("%s: a block is not what it was changed to last" % self.name, user=self.uin)

    async def write(self):
        """Let in exactly as the other one's row says."""
        pb = self.run.pb
        answer = await self.until_ok(CMD_SEND, lambda head: pb.SendTextRequest(head=head, to=self.other.uin, text="a letter"),
                                     pb.SendTextResponse)
        may = self.other.relation() == CONTACT and not self.other.blocked()
        if answer.head.code != (0 if may else PERMISSION_DENIED):
            raise Violation("%s wrote to who sees him as %s%s: %d %s" % (
                self.name, NAMES[self.other.relation()], ", blocked" if self.other.blocked() else "", answer.head.code,
                answer.head.message), user=self.uin)
        self.run.counts.add("contacts: let in" if may else "contacts: not let in")


def agree(a, b):
    """Who blocks does not see that he is asked."""
    seen = a.relation(), b.relation()
    return seen in AGREE or (a.blocked() and seen == (NONE, OUTGOING)) or (b.blocked() and seen == (OUTGOING, NONE))


class Pairs:
    def __init__(self, run, count):
        self.halves = [Half(run, "pair%d.%d" % (i // 2, i % 2)) for i in range(2 * count)]
        for a, b in zip(self.halves[::2], self.halves[1::2]):
            a.other, b.other = b, a

    async def enter(self, password):
        await asyncio.gather(*[h.enter(password) for h in self.halves])

    def hang_up(self):
        for h in self.halves:
            h.device.hang_up()

    async def settle(self, within_s=30):
        """Every sync drives what is still to be told."""
        end = time.monotonic() + within_s
        while True:
            await asyncio.gather(*[h.sync() for h in self.halves])
            at_odds = [h for h in self.halves[::2] if not agree(h, h.other)]
            if not at_odds:
                break
            if time.monotonic() > end:
                h = at_odds[0]
                raise Violation("%s is %s, and %s %s" % (h.name, NAMES[h.relation()], h.other.name, NAMES[h.other.relation()]),
                                user=h.uin)
            await asyncio.sleep(0.5)
        for h in self.halves:
            h.check()
        await asyncio.gather(*[h.write() for h in self.halves])
