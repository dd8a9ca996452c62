#!/usr/bin/python3
"""usage: longlink.py HOST PORT

A client of Hongyan's long link that shares no code with the rest: written from README.md and proto/ alone. Two people register and
identify their links, one writes to the other, who gets the hint, syncs twice with the same snapshot, then brings the newer one.
Exits 0 and prints one line if all was as documented.
"""
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
VERSION, PUSH, NOOP, SEQ_NOOP, SEQ_IDENTIFY = 4711, 201, 6, 0xFFFFFFFF, 0xFFFFFFFE
REGISTER, IDENTIFY, SYNC, SEND_TEXT = 101, 104, 111, 121
sys.dont_write_bytecode = True
with tempfile.TemporaryDirectory() as made:
    names = sorted(path.stem for path in PROTO.glob("*.proto"))
    subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={made}", *(f"{name}.proto" for name in names)], check=True)
    sys.path.insert(0, made)
    import auth_pb2
    import link_pb2
    import send_pb2
    import sync_pb2


class Link:
    """One long link. Frames that are not answers, which are pushes, are kept in `pushes`."""

    def __init__(self, address, name):
        self.socket = socket.create_connection(address, timeout=10)
        self.name, self.ticket, self.seq, self.pushes = name, b"", 1, []

    def write(self, cmd, seq, body):
        self.socket.sendall(struct.pack(">5I", 20, VERSION, cmd, seq, len(body)) + body)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += self.socket.recv(size - len(data)) or sys.exit(f"{self.name}: the server closed the link")
        return data

    def read(self):
        head, version, cmd, seq, length = struct.unpack(">5I", self.exactly(20))
        self.exactly(head - 20)
        assert version == VERSION, f"client version {version} came back"
        return cmd, seq, self.exactly(length)

    def call(self, cmd, request, response, seq=0):
        """A request and its answer; what an answer's head refuses is an error."""
        self.seq, seq = self.seq + 1, seq or self.seq
        request.head.device = self.name
        request.head.client_id, request.head.made_ms = os.urandom(16), int(time.time() * 1000)
        self.write(cmd, seq, request.SerializeToString())
        while (frame := self.read())[:2] != (cmd, seq):
            self.pushes.append(frame)
        response.ParseFromString(frame[2])
        assert response.head.code == 0, f"command {cmd}: {response.head.code} {response.head.message}"
        return response

    def sign_up(self):
        person = auth_pb2.RegisterRequest(name=self.name, password="a letter on its leg")
        answer = self.call(REGISTER, person, auth_pb2.RegisterResponse())
        proof = auth_pb2.IdentifyRequest()
        proof.head.ticket = answer.ticket
        identified = self.call(IDENTIFY, proof, auth_pb2.IdentifyResponse(), SEQ_IDENTIFY)
        assert identified.uin == answer.uin and identified.heartbeat_s > 0
        return answer.uin

    def sync(self, snapshot):
        answer = self.call(SYNC, sync_pb2.SyncRequest(snapshot=snapshot), sync_pb2.SyncResponse())
        entries = [entry for entry in answer.entries if entry.kind == sync_pb2.SYNC_KIND_MESSAGE]
        return [sync_pb2.TextMessage.FromString(entry.body) for entry in entries], answer.snapshot


def main():
    address, tag = (sys.argv[1], int(sys.argv[2])), os.urandom(4).hex()
    ann, bob = Link(address, f"ann-{tag}"), Link(address, f"bob-{tag}")
    ann_uin, bob_uin = ann.sign_up(), bob.sign_up()
    assert ann_uin != bob_uin
    ann.write(NOOP, SEQ_NOOP, b"")
    assert ann.read() == (NOOP, SEQ_NOOP, b""), "the heartbeat was not answered with the same bytes"
    _, before = bob.sync(b"")
    bob.pushes.clear()
    sent = ann.call(SEND_TEXT, send_pb2.SendTextRequest(to=bob_uin, text="a goose flies south"), send_pb2.SendTextResponse())
    cmd, seq, body = bob.read()
    assert (cmd, seq) == (PUSH, 0) and link_pb2.PushHint.FromString(body).kinds & 1 << sync_pb2.SYNC_KIND_MESSAGE
    (first, newer), (again, _) = bob.sync(before), bob.sync(before)
    assert first == again and [(m.id, m.text) for m in first] == [(sent.message_id, "a goose flies south")]
    assert (getattr(first[0], "from"), first[0].from_name, first[0].to) == (ann_uin, ann.name, bob_uin)
    assert bob.sync(newer)[0] == [], "what was brought came again"
    print("two people, one message: hinted, synced twice, acknowledged by the newer snapshot")


main()
