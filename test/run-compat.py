#!/usr/bin/python3
"""usage: script/test compat

Data folders that earlier releases left (test/compat/data) are served by this one: passwords, tickets and snapshots of then are good, and
everybody finds what there was. WebSocket clients that were recorded (test/compat/websocket) are answered.
"""
import base64
import hashlib
import json
import pathlib
import socket
import struct
import sys
import tarfile
import tempfile

import compat_server
from product import head, hongyan, post

COMPAT = pathlib.Path(__file__).resolve().parent / "compat"
DATA, WEBSOCKET = COMPAT / "data", COMPAT / "websocket"
PERMISSION_DENIED, UNAUTHENTICATED = 7, 16
IDENTIFY, IDENTIFY_SEQ = 104, 0xFFFFFFFE


def holds(expected, found):
    """Whether `found` says all that `expected` does; what was added since does not matter."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(k in found and holds(v, found[k]) for k, v in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(holds, expected, found))
    return expected == found


def check(what, expected, found):
    if not holds(expected, found):
        sys.exit("%s: expected %s, found %s" % (what, json.dumps(expected, ensure_ascii=False)[:4000],
                                                json.dumps(found, ensure_ascii=False)[:4000]))


def sign_in(port, person):
    return post(port, "sign-in", {"head": head(device="thawed"), "name": person["name"], "password": person["password"]})


def check_people(port, frozen):
    for p in frozen["people"]:
        who = "%s's %s" % (p["name"], p["device"])
        check(who + ", from nothing", p["entries"], compat_server.sync_all(port, p["ticket"])[0])
        if p["snapshot"]:
            check(who + ", since the snapshot", p["since_snapshot"], compat_server.sync_all(port, p["ticket"], p["snapshot"])[0])
        check(who + ", since the newest snapshot", [], compat_server.sync_all(port, p["ticket"], p["newest_snapshot"])[0])


def check_refused(port, frozen):
    for label, code in (("disabled", PERMISSION_DENIED), ("deleted", UNAUTHENTICATED)):
        person = frozen[label]
        check(label + ": signs in", {"code": code}, sign_in(port, person).get("head"))
        answer = post(port, "sync", {"head": {"ticket": person["ticket"]}})
        check(label + ": the ticket", {"code": UNAUTHENTICATED}, answer.get("head"))


def thaw(archive):
    frozen = json.loads(archive.with_name(archive.name.replace(".tar.xz", ".json")).read_text())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        data = pathlib.Path(folder) / "data"
        listed = hongyan("kt", "--data", data).stdout
        check("hongyan kt, stopped", True, "name:ann" in listed)
        server = compat_server.serve(data)
        check_people(server.port, frozen)
        check_refused(server.port, frozen)
        server.end()
        server = compat_server.serve(data)  # what this release made of it
        check_people(server.port, frozen)
        for p in frozen["people"]:
            check(p["name"] + " signs in", {"uin": p["uin"]}, sign_in(server.port, p))
        server.end()


def replay(port, recording):
    """What a client sent on one connection, from its handshake on. Its ticket is nobody's here: that is the answer."""
    handshake, end, messages = recording.read_bytes().partition(b"\r\n\r\n")
    key = next(line for line in handshake.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split()[1]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as link, link.makefile("rb") as answers:
        link.sendall(handshake + end)
        check(recording.name + ", the handshake", b"HTTP/1.1 101 Switching Protocols\r\n", answers.readline())
        said = dict(line.decode().strip().split(": ", 1) for line in iter(answers.readline, b"\r\n"))
        check(recording.name + ", the handshake", {"Upgrade": "websocket", "Sec-WebSocket-Accept": accept}, said)
        link.sendall(messages)
        first, length = answers.read(2)
        check(recording.name + ": a whole binary message, without extensions", 0x82, first)
        _, _, cmd, seq, body = struct.unpack(">5I", answers.read(20))
        check(recording.name + ", the first answer", [IDENTIFY, IDENTIFY_SEQ, length - 20], [cmd, seq, body])
        check(recording.name + ", its code", True, b"\x08%c" % UNAUTHENTICATED in answers.read(body))


def replay_all(recordings):
    with tempfile.TemporaryDirectory() as folder:
        server = compat_server.serve(pathlib.Path(folder) / "data")
        for recording in recordings:
            replay(server.port, recording)
            print("answered:", recording.name)
        server.end()


def main():
    archives, recordings = sorted(DATA.glob("*.tar.xz")), sorted(WEBSOCKET.iterdir())
    for archive in archives:
        thaw(archive)
        print("held:", archive.name)
    replay_all(recordings)
    print("%d passed, %d failed" % (len(archives) + len(recordings), 0 if archives and recordings else 1))


main()
