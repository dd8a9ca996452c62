"""The network between one device and the server: a TCP proxy that can be made to fail as real ones do."""
import asyncio
import threading


class Loop:
    """An event loop on a thread of its own, for all networks."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)


class Link:
    """One connection through the network; what it loses, it loses for good."""

    def __init__(self, *writers):
        self.writers = writers
        self.lost = set()  # of "up" (requests) and "down" (answers)

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()


class Network:
    """What `is` names: back, cut, stalls, loses answers, refuses long links."""

    def __init__(self, loop, server_port):
        self.loop, self.server_port = loop, server_port
        self.state, self.links = "is back", set()
        self.server = loop.run(asyncio.start_server(self.take, "127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    def becomes(self, state):
        self.loop.run(self.change(state))

    async def change(self, state):
        self.state = state
        for link in list(self.links):
            if state in ("is cut", "refuses long links"):
                link.cut()
            link.lost |= self.loses()

    def loses(self):
        return {"stalls": {"up", "down"}, "loses answers": {"down"}}.get(self.state, set())

    async def take(self, reader, writer):
        link = Link(writer)
        self.links.add(link)
        try:
            await self.carry(link, reader, writer)
        except OSError:
            pass
        finally:
            link.cut()
            self.links.discard(link)

    async def carry(self, link, reader, writer):
        if self.state == "is cut":
            return
        link.lost |= self.loses()
        first = await reader.read(4)
        # Mars frames begin with zeros, a WebSocket with GET; what is POSTed is a short link.
        if not first or self.state == "refuses long links" and not first.startswith(b"POST"[:len(first)]):
            return
        there, out = await asyncio.open_connection("127.0.0.1", self.server_port())
        link.writers += (out,)
        if "up" not in link.lost:
            out.write(first)
        ways = [asyncio.ensure_future(way) for way in (self.pump(link, "up", reader, out), self.pump(link, "down", there, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def pump(self, link, direction, reader, writer):
        """Until one side has ended, which a direction that loses everything does not tell."""
        try:
            while data := await reader.read(65536):
                if direction not in link.lost:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        if direction in link.lost and direction == "down":
            await asyncio.Event().wait()

    def end(self):
        self.loop.run(self.close())

    async def close(self):
        self.server.close()
        for link in list(self.links):
            link.cut()
