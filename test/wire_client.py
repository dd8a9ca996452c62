"""A client of a server under test, over all that it speaks: written from proto/ alone, it shares no code with the server or the SDK."""
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

from product import ROOT

REGISTER, SIGN_IN, SIGN_OUT, IDENTIFY, CHANGE_PASSWORD, LIST_DEVICES, SIGN_OUT_DEVICE, SYNC = 101, 102, 103, 104, 106, 107, 108, 111
VERSION, SEQ_IDENTIFY = 4711, 0xFFFFFFFE
with tempfile.TemporaryDirectory() as made:
    protos = [p.name for p in (ROOT / "proto").glob("*.proto")]
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={made}", *protos], check=True)
    sys.path.insert(0, made)
    import auth_pb2
    import sync_pb2


class Client:
    def __init__(self, port):
        self.port = port

    @staticmethod
    def head(head, ticket=b"", device="phone"):
        head.ticket, head.device = ticket, device
        head.client_id, head.made_ms = os.urandom(16), int(time.time() * 1000)

    def post(self, path, kind, body, pieces=1):
        """One request on a connection of its own; its body comes in so many pieces."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(f"POST /cgi-bin/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                      f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            step = max(1, len(body) // pieces)
            for at in range(0, len(body), step):
                s.sendall(body[at:at + step])
                if pieces > 1:
                    time.sleep(0.02)
            answer = b""
            while more := s.recv(65536):
                answer += more
        return answer.split(b"\r\n\r\n", 1)[1]

    def json(self, path, pieces=1, ticket=b"", **fields):
        head = {"ticket": base64.b64encode(ticket).decode(), "device": "desk", "clientId": base64.b64encode(os.urandom(16)).decode(),
                "madeMs": str(int(time.time() * 1000))}
        return json.loads(self.post(path, "application/json", json.dumps({"head": head, **fields}).encode(), pieces))

    def protobuf(self, path, request, response, ticket=b"", device="tablet"):
        self.head(request.head, ticket, device)
        response.ParseFromString(self.post(path, "application/x-protobuf", request.SerializeToString()))
        return response


class Link:
    def __init__(self, port, device="phone"):
        self.seq, self.device = 1, device
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def call(self, cmd, request, response, ticket=b"", seq=0, pieces=1):
        self.seq, seq = self.seq + 1, seq or self.seq
        Client.head(request.head, ticket, self.device)
        body = request.SerializeToString()
        frame = struct.pack(">5I", 20, VERSION, cmd, seq, len(body)) + body
        for at in range(0, len(frame), max(1, len(frame) // pieces)):
            self.socket.sendall(frame[at:at + max(1, len(frame) // pieces)])
            if pieces > 1:
                time.sleep(0.02)
        while True:
            _, _, got, answered, length = struct.unpack(">5I", self.exactly(20))
            body = self.exactly(length)
            if (got, answered) == (cmd, seq):
                response.ParseFromString(body)
                return response

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the server closed the link")
            data += more
        return data


def expect(answer, code, what):
    got = answer["head"].get("code", 0) if isinstance(answer, dict) else answer.head.code
    assert got == code, f"{what}: {got}, not {code}: {answer}"
    return answer
