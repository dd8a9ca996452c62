"""One device of a user, raw: Mars frames over the long link, HTTP with protobuf bodies over the short link.

Knows the protocol and nothing of what should hold. A call ends with an answer, with Lost (the outcome is unknown), never
with a retry: that is the caller's.
"""
import asyncio
import os
import socket
import struct
import time

HEAD = struct.Struct(">IIIII")
CLIENT_VERSION = 200
SEQ_IDENTIFY = 0xFFFFFFFE
CMD_IDENTIFY, CMD_SYNC, CMD_SEND, CMD_PUSH = 104, 111, 121, 201
PATHS = {101: "register", 102: "sign-in", 103: "sign-out", CMD_SYNC: "sync", CMD_SEND: "send-text", 131: "request-contact", 132: "accept-contact",
         133: "decline-contact", 134: "delete-contact", 135: "restore-contact", 136: "block-contact", 142: "update-settings"}


class Lost(Exception):
    """No answer, and there will be none: the outcome is unknown."""


def new_future():
    """Nobody need wait for it."""
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda f: f.cancelled() or f.exception())
    return future


class Fate:
    """What happens to a connection after so many bytes: 'reset', 'close' or 'hole' (nothing passes any more)."""

    def __init__(self, kind=None, way=None, after=0):
        self.kind, self.way, self.after = kind, way, after

    def pass_on(self, way, data):
        """The part of `data` that passes, and whether the moment has come."""
        if self.kind is None or self.way != way:
            return data, False
        part = data[:self.after]
        self.after -= len(part)
        return part, self.after <= 0


class Connection(asyncio.Protocol):
    def __init__(self, fate, counts):
        self.fate, self.counts = fate, counts
        self.transport = None
        self.input = bytearray()
        self.ended = False
        self.holed = False
        self.number, self.sends = counts.next_link(), 0

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc):
        self.end()

    def end(self):
        if not self.ended:
            self.ended = True
            self.on_end()

    def reset(self):
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        self.end()

    def close(self):
        if self.transport:
            self.transport.close()
        self.end()

    def strike(self):
        kind, self.fate.kind = self.fate.kind, None
        self.counts.add({"reset": "links reset", "close": "links cut", "hole": "links black-holed"}[kind])
        if kind == "hole":
            self.holed = True
        elif kind == "reset":
            self.reset()
        else:
            self.close()

    def write(self, data):
        if self.ended or self.holed or self.transport.is_closing():
            return
        part, struck = self.fate.pass_on("up", data)
        self.transport.write(part)
        if struck:
            self.strike()

    def data_received(self, data):
        if self.holed or self.ended:
            return
        part, struck = self.fate.pass_on("down", data)
        self.input += part
        if struck:
            self.strike()
        self.parse()

    def parse(self):
        raise NotImplementedError

    def on_end(self):
        raise NotImplementedError


class LongLink(Connection):
    """Pipelined: answers find their request by its number."""

    def __init__(self, fate, counts, on_hint):
        super().__init__(fate, counts)
        self.waiting = {}
        self.seq = 0
        self.on_hint = on_hint

    def start(self, cmd, body, seq=None):
        """Sends now, in the order of the calls; the future gives the body of the answer."""
        future = new_future()
        if self.ended:
            future.set_exception(Lost())
            return future
        if seq is None:
            self.seq = seq = self.seq + 1
        self.waiting[seq] = future
        self.write(HEAD.pack(HEAD.size, CLIENT_VERSION, cmd, seq, len(body)) + body)
        return future

    def parse(self):
        while len(self.input) >= HEAD.size:
            head, version, cmd, seq, length = HEAD.unpack_from(self.input)
            if len(self.input) < head + length:
                return
            body = bytes(self.input[head:head + length])
            del self.input[:head + length]
            assert version == CLIENT_VERSION, "a frame of client version %d" % version
            if cmd == CMD_PUSH:
                self.on_hint()
                continue
            future = self.waiting.pop(seq, None)
            if future and not future.done():
                future.set_result(body)

    def on_end(self):
        waiting, self.waiting = self.waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(Lost())


class ShortLink(Connection):
    """One request at a time, the connection kept."""

    def __init__(self, fate, counts):
        super().__init__(fate, counts)
        self.future = None

    def start(self, cmd, body):
        self.future = new_future()
        if self.ended:
            self.future.set_exception(Lost())
        else:
            self.write(b"POST /cgi-bin/%s HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\n"
                       b"Content-Length: %d\r\n\r\n" % (PATHS[cmd].encode(), len(body)) + body)
        return self.future

    def parse(self):
        end = self.input.find(b"\r\n\r\n")
        if end < 0 or self.future is None:
            return
        lines = bytes(self.input[:end]).split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
        if len(self.input) < end + 4 + length:
            return
        body = bytes(self.input[end + 4:end + 4 + length])
        del self.input[:end + 4 + length]
        if lines[0].split()[1] != b"200":
            raise AssertionError("HTTP %s" % lines[0].decode())
        if not self.future.done():
            self.future.set_result(body)

    def on_end(self):
        if self.future and not self.future.done():
            self.future.set_exception(Lost())


class Device:
    """`fates` makes the Fate of each connection; `port` is where the server listens."""

    def __init__(self, pb, port, name, fates, counts):
        self.pb, self.port, self.name, self.fates, self.counts = pb, port, name, fates, counts
        self.ticket = b""
        self.long = self.short = None
        self.hinted = asyncio.Event()
        self.timeout = 1.5
        self.signed_out = False  # or on the way there, or back

    def head(self, client_id=None, made_ms=None):
        return self.pb.RequestHead(ticket=self.ticket, device=self.name, protocol_level=1,
                                   client_id=client_id or os.urandom(16), made_ms=made_ms or int(time.time() * 1000))

    async def connect(self, make):
        loop = asyncio.get_running_loop()
        try:
            _, link = await asyncio.wait_for(loop.create_connection(make, "127.0.0.1", self.port), 2)
        except (OSError, asyncio.TimeoutError):
            raise Lost() from None
        return link

    async def long_link(self):
        """Signed in, or Lost. A refusal of the ticket comes back as the code."""
        if self.long and not self.long.ended and not self.long.holed:
            return self.long
        link = await self.connect(lambda: LongLink(self.fates(), self.counts, self.hinted.set))
        ticket = self.ticket
        request = self.pb.IdentifyRequest(head=self.head())
        body = await self.wait(link, link.start(CMD_IDENTIFY, request.SerializeToString(), SEQ_IDENTIFY))
        answer = self.pb.IdentifyResponse.FromString(body)
        if answer.head.code:
            link.close()
            if answer.head.code in self.pb.UNKNOWN_OUTCOME or self.old_ticket(answer.head.code, ticket):
                raise Lost()
            raise AssertionError("identify was refused: %d %s" % (answer.head.code, answer.head.message))
        self.long = link
        self.hinted.set()
        return link

    def old_ticket(self, code, ticket):
        """The refusal is what becomes a ticket that was given back."""
        return code == 16 and (self.signed_out or ticket != self.ticket)

    async def short_link(self):
        if self.short and not self.short.ended and not self.short.holed and (not self.short.future or self.short.future.done()):
            return self.short
        self.short = await self.connect(lambda: ShortLink(self.fates(), self.counts))
        return self.short

    async def wait(self, link, future):
        """The answer's bytes; a link that does not answer in time is given up, as a phone does."""
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.timeout)
        except asyncio.TimeoutError:
            link.close()
            raise Lost() from None

    async def call(self, cmd, request, response, over_long):
        link = await (self.long_link() if over_long else self.short_link())
        return response.FromString(await self.wait(link, link.start(cmd, request.SerializeToString())))

    def hang_up(self):
        for link in (self.long, self.short):
            if link:
                link.close()
        self.long = self.short = None
