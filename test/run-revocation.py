#!/usr/bin/python3
"""Whatever ends a ticket ends it at once, and the links that live by it within a second: sign-out, another device's word, all devices, a
changed password, and the operator's disable, reset and delete. Each while other people sign in and sync as fast as they can.
"""
import shutil
import sys
import tempfile
import threading
import time

from product import Server, hongyan
from wire_client import (CHANGE_PASSWORD, IDENTIFY, SEQ_IDENTIFY, SIGN_OUT, SIGN_OUT_DEVICE, SYNC, Client, Link, auth_pb2, expect,
                         sync_pb2)

PASSWORD, ANOTHER = "a goose flies south", "a goose flies north"
LIMIT_S = 1.0


class Person:
    """With a phone and a desk, each with a long link."""

    def __init__(self, port, name):
        self.client, self.name, self.tickets, self.links = Client(port), name, {}, {}
        request = auth_pb2.RegisterRequest(name=name, password=PASSWORD)
        self.tickets["phone"] = expect(self.client.protobuf("register", request, auth_pb2.RegisterResponse(), device="phone"), 0, "register").ticket
        request = auth_pb2.SignInRequest(name=name, password=PASSWORD)
        self.tickets["desk"] = expect(self.client.protobuf("sign-in", request, auth_pb2.SignInResponse(), device="desk"), 0, "sign-in").ticket
        for device, ticket in self.tickets.items():
            link = self.links[device] = Link(port, device)
            expect(link.call(IDENTIFY, auth_pb2.IdentifyRequest(), auth_pb2.IdentifyResponse(), ticket, SEQ_IDENTIFY), 0, "identify")

    def ask(self, cmd, request, response):
        return expect(self.links["phone"].call(cmd, request, response), 0, f"command {cmd}")

    def refused(self, device):
        """Over the short link, and for a new long one."""
        ticket = self.tickets[device]
        short = self.client.protobuf("sync", sync_pb2.SyncRequest(), sync_pb2.SyncResponse(), ticket, device).head.code
        link = Link(self.client.port, device)
        long = link.call(IDENTIFY, auth_pb2.IdentifyRequest(), auth_pb2.IdentifyResponse(), ticket, SEQ_IDENTIFY).head.code
        return (short, long) == (16, 16)

    def works(self, device):
        answer = self.links[device].call(SYNC, sync_pb2.SyncRequest(), sync_pb2.SyncResponse())
        return answer.head.code == 0 and not self.refused(device)


def operator(data, *words, password=None):
    more = ["--password-file", "-"] if password else []
    hongyan("user", "--data", data, *words, *more, stdin=f"{password}\n")


# what is done; which devices it ends
WAYS = [
    ("a sign-out", lambda p, _: p.ask(SIGN_OUT, auth_pb2.SignOutRequest(), auth_pb2.SignOutResponse()), {"phone"}),
    ("another device's word",
     lambda p, _: p.ask(SIGN_OUT_DEVICE, auth_pb2.SignOutDeviceRequest(device="desk"), auth_pb2.SignOutDeviceResponse()), {"desk"}),
    ("the end of all others", lambda p, _: p.ask(SIGN_OUT_DEVICE, auth_pb2.SignOutDeviceRequest(), auth_pb2.SignOutDeviceResponse()),
     {"desk"}),
    ("the end of all", lambda p, _: p.ask(SIGN_OUT_DEVICE, auth_pb2.SignOutDeviceRequest(all=True), auth_pb2.SignOutDeviceResponse()),
     {"phone", "desk"}),
    ("a changed password",
     lambda p, _: p.ask(CHANGE_PASSWORD, auth_pb2.ChangePasswordRequest(old_password=PASSWORD, new_password=ANOTHER),
                        auth_pb2.ChangePasswordResponse()), {"desk"}),
    ("an operator's disable", lambda p, data: operator(data, "disable", p.name), {"phone", "desk"}),
    ("an operator's reset", lambda p, data: operator(data, "reset-password", p.name, password=ANOTHER), {"phone", "desk"}),
    ("an operator's delete", lambda p, data: operator(data, "delete", p.name, "--yes"), {"phone", "desk"}),
]


def closed_after(link, begun):
    """Seconds until the server closed it."""
    link.socket.settimeout(LIMIT_S * 5)
    try:
        while link.socket.recv(4096):
            pass
    except TimeoutError:
        return LIMIT_S * 5
    except ConnectionError:
        pass
    return time.monotonic() - begun


def check(way, do, ended, server, number):
    person = Person(server.port, f"ann-{number}")
    waits, begun = {}, time.monotonic()
    threads = [threading.Thread(target=lambda d=d: waits.__setitem__(d, closed_after(person.links[d], begun))) for d in ended - {"phone"}]
    for t in threads:
        t.start()
    do(person, server.data)
    answered = time.monotonic()
    problems = [f"the ticket of {d} is taken" for d in ended if not person.refused(d)]
    if "phone" in ended:  # whose answers are read by who asks
        waits["phone"] = closed_after(person.links["phone"], begun)
    for t in threads:
        t.join()
    # measured from the answer: what comes before it is the disk's and the hash's time
    problems += [f"the link of {d} lived {w - (answered - begun):.2f} s longer" for d, w in waits.items() if w - (answered - begun) > LIMIT_S]
    problems += [f"{d} does not work any more" for d in {"phone", "desk"} - ended if not person.works(d)]
    slowest = max(max(0.0, w - (answered - begun)) for w in waits.values())
    print(f"{'not ' if problems else ''}ok {way}: links closed at most {slowest * 1000:.0f} ms after the answer", *problems, sep="\n    ")
    return not problems


def load(port, name, stop):
    """Signs in and syncs, again and again."""
    client = Client(port)
    request = auth_pb2.RegisterRequest(name=name, password=PASSWORD)
    ticket = client.protobuf("register", request, auth_pb2.RegisterResponse(), device="load").ticket
    while not stop.is_set():
        client.protobuf("sync", sync_pb2.SyncRequest(), sync_pb2.SyncResponse(), ticket, "load")


def run(folder):
    server = Server(f"{folder}/data", "--password-passes", "1", "--password-memory", "1M")
    stop = threading.Event()
    loads = [threading.Thread(target=load, args=(server.port, f"load-{i}", stop)) for i in range(4)]
    try:
        for t in loads:
            t.start()
        passed = sum(check(*way, server, number) for number, way in enumerate(WAYS))
    finally:
        stop.set()
        for t in loads:
            t.join()
        server.end()
    print(f"{passed} passed, {len(WAYS) - passed} failed")
    return passed != len(WAYS)


def main():
    folder = tempfile.mkdtemp(prefix="hongyan-revocation-")
    try:
        return run(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
