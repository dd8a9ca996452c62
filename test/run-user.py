#!/usr/bin/python3
"""`hongyan user` against a running server: create, list, show, disable (links and tickets end within a second), enable, another
password, invitations, and the end of an account with all its data, also when it was cut short by a kill; and one limit.
"""
import base64
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time

import product

OK, NOT_FOUND, PERMISSION_DENIED, EXHAUSTED, UNAUTHENTICATED = 0, 5, 7, 8, 16
CANARY, OTHER = "a goose that nobody may read", "another goose of the same kind"
VERSION, IDENTIFY, SEQ_IDENTIFY = 1, 104, 0xFFFFFFFE


class Server(product.Server):
    def user(self, *arguments, want=0, stdin=""):
        """What `hongyan user` prints."""
        ended = product.hongyan("user", "--data", self.data, *arguments, want=want, stdin=stdin)
        return ended.stdout + ended.stderr

    def table(self):
        lines = (json.loads(line) for line in self.user("list", "--json").splitlines())
        return {user["name"]: user for user in lines}

    def kt(self, *arguments):
        return product.hongyan("kt", "--data", self.data, *arguments, want=None).stdout

    def sign_in(self, name, password, device="phone", want=OK):
        return self.ask("sign-in", want, name=name, password=password, device=device)


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


class Link:
    """A long link that has identified itself."""

    def __init__(self, server, ticket):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        body = field(1, field(1, base64.b64decode(ticket)) + field(2, b"phone"))
        self.socket.sendall(struct.pack(">5I", 20, VERSION, IDENTIFY, SEQ_IDENTIFY, len(body)) + body)
        assert len(self.socket.recv(4096)) > 20

    def closed_within(self, seconds):
        begun = time.monotonic()
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return time.monotonic() - begun <= seconds


def accounts(server):
    """Create, list, show."""
    assert "user " in server.user("create", "ann", "--password-file", "-", stdin=CANARY + "\n")
    secret = pathlib.Path(server.data).parent / "secret"
    secret.write_text(CANARY + "\n")
    server.user("create", "bob", "--password-file", secret)
    assert "taken" in server.user("create", "ann", "--password-file", secret, want=1)
    assert "once more" in server.user("create", "cem", stdin=f"{CANARY}\n{CANARY}\n")
    assert "not the same" in server.user("create", "dan", want=1, stdin=f"{CANARY}\n{OTHER}\n")
    assert "8 to 128" in server.user("create", "dan", "--password-file", "-", want=1, stdin="short\n")
    for words, why in ((("create", "dan", CANARY), "one word too many"), (("create",), "name is missing"), (("frob",), "'frob'"),
                       (("invite", "--uses", "0"), "--uses: '0'"), (("invite", "--valid", "soon"), "--valid: 'soon'"),
                       (("show", "--uin", "abc"), "--uin: 'abc'"), (("list", "--many"), "--many"), (("list", "ann"), "takes no name")):
        said = server.user(*words, want=2)
        assert why in said and said.count("\n") == 1, said
    assert sorted(server.table()) == ["ann", "bob", "cem"]
    listed = server.user("list")
    assert re.search(r"^ann +\d+ ", listed, re.M) and "3 accounts" in listed
    server.sign_in("ann", CANARY)
    server.sign_in("ann", CANARY, device="desk")
    shown = server.user("show", "ann")
    assert re.search(r"^phone ", shown, re.M) and re.search(r"^desk ", shown, re.M)
    one = json.loads(server.user("show", "ann", "--json"))
    assert one["user"]["name"] == "ann" and len(one["devices"]) == 2
    assert server.table()["ann"]["devices"] == 2
    assert server.user("show", "--uin", str(one["user"]["uin"])) == shown
    assert "no user 4294967295" in server.user("show", "--uin", "4294967295", want=1)
    assert "nobody has the name" in server.user("show", "nobody", want=1)


def disabling(server):
    """Links and tickets end within a second; enabled, the password is good again."""
    ticket = server.sign_in("ann", CANARY)["ticket"]
    link = Link(server, ticket)
    assert json.loads(server.user("show", "ann", "--json"))["user"].get("online")
    server.user("disable", "ann")
    assert link.closed_within(1), "the link of a disabled account stays"
    server.ask("sync", UNAUTHENTICATED, ticket=ticket)
    refused = server.ask("sign-in", want=PERMISSION_DENIED, name="ann", password=CANARY)
    assert "ticket" not in refused
    assert server.table()["ann"]["disabled"]
    server.user("enable", "ann")
    assert not server.table()["ann"].get("disabled")
    server.ask("sync", UNAUTHENTICATED, ticket=ticket)
    server.sign_in("ann", CANARY)


def passwords(server):
    """Another password signs all devices out."""
    ticket = server.sign_in("ann", CANARY)["ticket"]
    link = Link(server, ticket)
    server.user("reset-password", "ann", "--password-file", "-", stdin=OTHER + "\n")
    assert link.closed_within(1), "the link of the old password stays"
    server.ask("sync", UNAUTHENTICATED, ticket=ticket)
    server.sign_in("ann", CANARY, want=UNAUTHENTICATED)
    server.sign_in("ann", OTHER)


def invitations(server):
    """Registration by invitation, as often as it is good for."""
    server.ask("register", PERMISSION_DENIED, name="eva", password=CANARY)
    invited = product.hongyan("user", "--data", server.data, "invite", "--uses", "2", "--valid", "1h")
    code = invited.stdout.strip()
    assert "good for 2 accounts, until 20" in invited.stderr, invited.stderr
    server.ask("register", PERMISSION_DENIED, name="eva", password=CANARY, invitation=code + "x")
    for name in "eva", "fay":
        server.ask("register", name=name, password=CANARY, invitation=code)
    server.ask("register", PERMISSION_DENIED, name="gil", password=CANARY, invitation=code)
    assert {"eva", "fay"} <= set(server.table())
    return code


def befriend(server, one, other):
    """Two tickets, of two who are contacts and have written to each other."""
    uins = {name: server.table()[name]["uin"] for name in (one, other)}
    tickets = {name: server.sign_in(name, OTHER if name == "ann" else CANARY)["ticket"] for name in (one, other)}
    server.ask("request-contact", ticket=tickets[one], uin=uins[other], greeting="it is me")
    server.ask("accept-contact", ticket=tickets[other], uin=uins[one])
    for sender, to in (one, other), (other, one):
        server.ask("send-text", ticket=tickets[sender], to=uins[to], text="hello")
    return uins, tickets


def heads(server, key):
    """Rows of each space of a key."""
    lines = (line.split() for line in server.kt(key).splitlines()[1:])
    return {words[0]: int(words[3]) for words in lines if len(words) == 5 and int(words[3])}


def assert_gone(server, name, uin):
    rows = heads(server, f"user:{uin}")
    assert set(rows) <= {"account", "sent"} and rows["account"] == 1, f"what is left of {name}: {rows}"
    profile = server.kt(f"user:{uin}", "account").splitlines()[0]
    assert '"gone":true' in profile and name not in profile, profile
    assert name not in server.table()
    assert "nobody has the name" in server.user("show", name, want=1)


def deleting(server):
    """With all data; the contact sees that the account is gone; the name is kept, or free."""
    uins, tickets = befriend(server, "ann", "bob")
    link = Link(server, tickets["ann"])
    assert "nothing was deleted" in server.user("delete", "ann", want=1, stdin="anne\n")
    server.user("delete", "ann", stdin="ann\n")
    assert link.closed_within(1)
    server.ask("sync", UNAUTHENTICATED, ticket=tickets["ann"])
    server.sign_in("ann", OTHER, want=UNAUTHENTICATED)
    assert_gone(server, "ann", uins["ann"])
    row = server.kt(f"user:{uins['bob']}", "contact")
    assert '"gone":true' in row, row
    server.ask("send-text", NOT_FOUND, ticket=tickets["bob"], to=uins["ann"], text="still there?")
    assert "deleted before" in server.user("delete", "ann", "--yes", want=1)
    assert "taken" in server.user("create", "ann", "--password-file", "-", stdin=CANARY + "\n", want=1)
    assert "may have the name" in server.user("delete", "ann", "--yes", "--free-name")
    server.user("create", "ann", "--password-file", "-", stdin=CANARY + "\n")
    server.user("delete", "cem", "--yes", "--free-name")
    server.user("create", "cem", "--password-file", "-", stdin=CANARY + "\n")


def by_number(server):
    """Deleted by its UIN, which is asked for."""
    server.user("create", "num", "--password-file", "-", stdin=CANARY + "\n")
    uin = server.table()["num"]["uin"]
    assert "nothing was deleted" in server.user("delete", "--uin", str(uin), want=1, stdin="num\n")
    assert f"num (user {uin}) is deleted" in server.user("delete", "--uin", str(uin), stdin=f"{uin}\n")
    assert_gone(server, "num", uin)
    assert "there is no user" in server.user("delete", "--uin", "4294967295", "--yes", want=1)


def forged(server):
    """What is typed as a name makes no line of its own."""
    server.user("create", "x\n2026-11-22T00:00:00.000Z 0000000000000000 delete bob (user 7): OK", "--password-file", "-",
                stdin=CANARY + "\n", want=1)


def prompted(server):
    """Ctrl-C where a password is typed finds the terminal as it was; what is typed there is not shown."""
    theirs, ours = pty.openpty()
    started = subprocess.Popen([product.HONGYAN, "user", "--data", server.data, "create", "pia"], stdin=ours, stdout=ours, stderr=ours,
                               start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    shown = b""
    while b"characters): " not in shown:
        shown += os.read(theirs, 1000)
    for _ in range(500):
        if not termios.tcgetattr(ours)[3] & termios.ECHO:
            break
        time.sleep(0.01)
    os.write(theirs, b"\x03")
    assert started.wait(timeout=10) == -signal.SIGINT
    assert termios.tcgetattr(ours)[3] & termios.ECHO, "the terminal has no echo any more"
    os.close(ours)
    os.close(theirs)


def another_user(server):
    """Whom the socket is not for is told so. (Only root can be somebody else.)"""
    for command in ("user", "list"), ("kt",):
        asked = [product.HONGYAN, command[0], "--data", server.data, *command[1:]]
        ended = subprocess.run(asked, capture_output=True, text=True, timeout=20, user=65534, group=65534, extra_groups=())
        assert ended.returncode == 1 and ended.stdout == "" and "is another user's" in ended.stderr, ended.stdout + ended.stderr


def many(server, count):
    """More than a page of the list."""
    before = server.table()
    code = server.user("invite", "--uses", str(count), "--valid", "1h").split()[0]
    names = {f"many-{i}" for i in range(count)}
    for name in names:
        server.ask("register", name=name, password=CANARY, invitation=code)
    assert set(server.table()) == set(before) | names
    assert f"{len(before) + count} accounts" in server.user("list")


def cut_short(server, one, other, after_s):
    """A deletion that a kill has ended goes on by itself."""
    uins, _ = befriend(server, one, other)
    deletion = subprocess.Popen([product.HONGYAN, "user", "--data", server.data, "delete", one, "--yes"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(2000):
        if f"delete {one}" in (pathlib.Path(server.data) / "audit.log").read_text():
            break
        time.sleep(0.001)
    time.sleep(after_s)
    server.kill()
    deletion.wait(timeout=20)
    server.start()
    for _ in range(100):
        if not server.table().get(one, {}).get("deleting"):
            break
        time.sleep(0.1)
    if one in server.table():  # killed before the first write
        server.user("delete", one, "--yes")
    assert "deleted before" in server.user("delete", one, "--yes", want=1)
    assert "deleted before" in server.user("delete", "--uin", str(uins[one]), "--yes", want=1)
    assert_gone(server, one, uins[one])
    assert '"gone":true' in server.kt(f"user:{uins[other]}", "contact")


def limits(server):
    """A limit over the wire: the answer says when to come back."""
    ticket = server.sign_in("bob", CANARY)["ticket"]
    for _ in range(3):
        server.ask("lookup", ticket=ticket, name="fay")
    for _ in range(5):
        refused = server.ask("lookup", EXHAUSTED, ticket=ticket, name="fay")["head"]
    assert 0 < refused["retryAfterMs"] <= 20 * 60 * 1000 and "try again in" in refused["message"], refused


def audit(server, code):
    """Each change has its line, in the log too, and no secret is in any of them."""
    lines = (pathlib.Path(server.data) / "audit.log").read_text()
    for what in ("create ann (user", "create ann: ALREADY_EXISTS", "disable ann (user", "enable ann (user", "reset-password ann (user",
                 "invite 2", "delete ann: begun", "delete ann (user", "delete cem, freeing the name: begun"):
        assert re.search(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \d+ " + re.escape(what), lines, re.M), f"no audit line '{what}'"
        assert what in server.said(), f"no line '{what}' in the log"
    for line in lines.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \d+ (?!delete bob)", line), f"a line that nobody wrote: {line}"
    for secret in CANARY, OTHER, code:
        assert secret not in lines and secret not in server.said(), "a secret was written down"


def main():
    folder = tempfile.mkdtemp(prefix="hongyan-user-")
    try:
        server = Server(os.path.join(folder, "data"), *product.CHEAP, "--registration", "invitation", "--limit-search", "3/h")
        try:
            accounts(server)
            disabling(server)
            passwords(server)
            code = invitations(server)
            deleting(server)
            by_number(server)
            forged(server)
            prompted(server)
            if os.geteuid() == 0:
                another_user(server)
            many(server, 120)
            for i, after_s in enumerate((0, 0.001, 0.002, 0.003)):
                cut_short(server, f"many-{2 * i}", f"many-{2 * i + 1}", after_s)
            limits(server)
        finally:
            server.end()
        audit(server, code)
    finally:
        shutil.rmtree(folder)
    lines = re.findall(r"--limit-search refuses user", server.said())
    assert len(lines) == 1, lines
    print("accounts made, shown, disabled, enabled, invited and deleted; every change is in the audit log")


main()
