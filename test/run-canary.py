#!/usr/bin/python3
"""Looks for secrets where none may be. A fresh server is given passwords over JSON, protobuf, frames and the administration, right and
wrong, whole and in pieces; they are changed; tickets are used and revoked. Then the memory of the process (which is more than any core
file has), its log, its data folder, a backup and what `hongyan kt` prints are searched for each of them: as they are, in base64, in hex.
"""
import base64
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from product import HONGYAN, Server, hongyan
from wire_client import (CHANGE_PASSWORD, IDENTIFY, LIST_DEVICES, REGISTER, SEQ_IDENTIFY, SIGN_IN, SYNC, Client, Link, auth_pb2, expect,
                         sync_pb2)


class Canaries:
    """Secrets by what they are. Each has a part of its own that nothing else contains."""

    def __init__(self):
        self.known = {}

    def password(self, what):
        word = f"canary-{os.urandom(12).hex()}"
        self.known[what] = word.encode()
        return word

    def ticket(self, what, ticket):
        assert len(ticket) == 36
        self.known[f"ticket of {what}"] = ticket[4:]  # the user's number before it is no secret
        return ticket

    def forms(self):
        for what, secret in self.known.items():
            yield what, "as it is", secret
            for kind, digits in (("hex", secret.hex()), ("HEX", secret.hex().upper())):
                yield what, kind, digits.encode()
            # base64 of something longer has three faces, by where the secret begins in it; its ends depend on what is around
            for shift in range(3):
                yield what, "base64", base64.b64encode(b"\0" * shift + secret)[4:-4]
                yield what, "base64 of an address", base64.urlsafe_b64encode(b"\0" * shift + secret)[4:-4]


def by_json(c, known):
    first, second = known.password("password of JSON"), known.password("new password of JSON")
    wrong, half = known.password("wrong password of JSON"), known.password("password of bad JSON")
    answer = expect(c.json("register", name="ann-json", password=first, pieces=4), 0, "register")
    ticket = known.ticket("registration by JSON", base64.b64decode(answer["ticket"]))
    expect(c.json("sign-in", name="ann-json", password=wrong), 16, "a wrong password")
    c.post("sign-in", "application/json", b'{"head":{},"name":"ann-json","password":"' + half.encode())
    answer = expect(c.json("sign-in", name="ann-json", password=first), 0, "sign-in")
    known.ticket("sign-in by JSON", base64.b64decode(answer["ticket"]))
    ticket = base64.b64decode(answer["ticket"])
    expect(c.json("change-password", ticket=ticket, oldPassword=first, newPassword=second), 0, "change of password")
    expect(c.json("list-devices", ticket=ticket), 0, "list of devices")
    expect(c.json("sync", ticket=ticket), 0, "sync")
    expect(c.json("sign-out", ticket=ticket), 0, "sign-out")
    expect(c.json("sync", ticket=ticket), 16, "a ticket that has ended")


def by_protobuf(c, known):
    first, second = known.password("password of protobuf"), known.password("new password of protobuf")
    request = auth_pb2.RegisterRequest(name="bob-proto", password=first, device_name="a tablet")
    ticket = known.ticket("registration by protobuf",
                          expect(c.protobuf("register", request, auth_pb2.RegisterResponse()), 0, "register").ticket)
    request = auth_pb2.ChangePasswordRequest(old_password=first, new_password=second)
    expect(c.protobuf("change-password", request, auth_pb2.ChangePasswordResponse(), ticket), 0, "change of password")
    answer = expect(c.protobuf("list-devices", auth_pb2.ListDevicesRequest(), auth_pb2.ListDevicesResponse(), ticket), 0, "devices")
    assert [d.name for d in answer.devices] == ["a tablet"], answer
    out = auth_pb2.SignOutDeviceRequest(all=True)
    expect(c.protobuf("sign-out-device", out, auth_pb2.SignOutDeviceResponse(), ticket), 0, "all signed out")


def by_frames(c, known):
    """The link stays: its ticket is in use while it is looked for."""
    first, second, wrong = (known.password(f"{x} password of frames") for x in ("first", "second", "wrong"))
    link = Link(c.port)
    request = auth_pb2.RegisterRequest(name="cem-frames", password=first)
    ticket = expect(link.call(REGISTER, request, auth_pb2.RegisterResponse(), pieces=5), 0, "register").ticket
    known.ticket("registration by frames", ticket)
    identified = auth_pb2.IdentifyResponse()
    expect(link.call(IDENTIFY, auth_pb2.IdentifyRequest(), identified, ticket, SEQ_IDENTIFY), 0, "identify")
    request = auth_pb2.SignInRequest(name="cem-frames", password=wrong)
    expect(link.call(SIGN_IN, request, auth_pb2.SignInResponse()), 16, "a wrong password")
    request = auth_pb2.ChangePasswordRequest(old_password=first, new_password=second)
    expect(link.call(CHANGE_PASSWORD, request, auth_pb2.ChangePasswordResponse(), pieces=3), 0, "change of password")
    expect(link.call(SYNC, sync_pb2.SyncRequest(), sync_pb2.SyncResponse(), ticket), 0, "sync with the link's own ticket")
    answer = expect(link.call(LIST_DEVICES, auth_pb2.ListDevicesRequest(), auth_pb2.ListDevicesResponse()), 0, "devices")
    assert [(d.this_one, d.online) for d in answer.devices] == [(True, True)], answer
    return link


def by_refused(c, known):
    """Requests that come to nothing, with a password in them."""
    def request(what):
        return json.dumps({"head": {"device": "desk"}, "name": "eva-refused", "password": known.password(what)}).encode()
    c.post("signin", "application/json", request("password to a wrong path"))
    c.post("sign-in", "text/plain", request("password of a wrong type"))
    c.post("sign-in", "application/json", request("password of a request that is too long").ljust(30000))
    for what, head in (("no such command", (20, 1, 999, 5)), ("another frame's head", (21, 1, SIGN_IN, 5)), ("no frame", (1, 1, 1, 1))):
        with socket.create_connection(("127.0.0.1", c.port), timeout=10) as s:
            body = auth_pb2.SignInRequest(name="eva-refused", password=known.password(f"password of {what}")).SerializeToString()
            s.sendall(struct.pack(">5I", *head, len(body)) + body)
            s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(4096):
                    pass
            except ConnectionError:
                pass


def by_operator(data, known):
    for verb, name in (("create", "dan-operator"), ("reset-password", "dan-operator")):
        word = known.password(f"password of user {verb}")
        hongyan("user", "--data", data, verb, name, "--password-file", "-", stdin=word + "\n")


def memory_of(pid):
    """All that can be read of it, mapping by mapping."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)", line)
            if not found or found[3] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = int(found[1], 16), int(found[2], 16)
            for at in range(start, end, 16 << 20):
                try:
                    memory.seek(at)
                    yield f"memory {at:x} {found[3]}", memory.read(min(end, at + (16 << 20)) - at)
                except OSError:
                    pass


def files_in(folder):
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


def printed(data):
    keys = subprocess.run([HONGYAN, "kt", "--data", data, "keys"], capture_output=True).stdout
    yield "hongyan kt keys", keys
    for key in re.findall(rb"^(?:user|name):\S+", keys, re.M):
        for space in ("account", "credential", "name", "sent"):
            out = subprocess.run([HONGYAN, "kt", "--data", data, key.decode(), space], capture_output=True)
            yield f"hongyan kt {key.decode()} {space}", out.stdout + out.stderr


def search(places, needles):
    found = []
    for where, content in places:
        for what, form, needle in needles:
            at = content.find(needle)
            if at >= 0:
                found.append(f"{what}, {form}: in {where} at {at:#x}: {content[max(0, at - 24):at + len(needle) + 8]!r}")
    return found


def run(folder):
    server = Server(f"{folder}/data", "--log-level", "debug")
    known, passed, failed = Canaries(), 0, 0
    try:
        client = Client(server.port)
        by_json(client, known)
        by_protobuf(client, known)
        link = by_frames(client, known)
        by_refused(client, known)
        by_operator(server.data, known)
        time.sleep(0.5)
        hongyan("backup", "--data", server.data, f"{folder}/backup")
        needles = list(known.forms())
        memory = list(memory_of(server.process.pid))
        core_limit = re.search(r"Max core file size\s+(\S+)\s+(\S+)", pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()).groups()
        checks = {
            "what is there is found": [] if search(memory, [("name", "as it is", b"cem-frames")]) else ["the search finds nothing"],
            "no secret is in memory": search(memory, needles),
            "no core file is written": [] if core_limit == ("0", "0") else [f"limits {core_limit}"],
            "no secret is printed by hongyan kt": search(printed(server.data), needles),
            "no secret is in a backup": search(files_in(f"{folder}/backup"), needles),
        }
        link.socket.close()
    finally:
        server.end()
    checks["no secret is in the data folder"] = search(files_in(server.data), needles)
    checks["no secret is in the log"] = search([("the log", server.said().encode())], needles)
    for check, found in checks.items():
        passed, failed = passed + (not found), failed + bool(found)
        print(f"{'not ' if found else ''}ok {check}", *found[:20], sep="\n    ")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


def main():
    folder = tempfile.mkdtemp(prefix="hongyan-canary-")
    try:
        return run(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
