"""What goes wrong, and when: all by one seed. (The interleaving of processes is not: a seed gives the same plan, not the same run.)"""
import asyncio
import signal

from client import Fate


class Plan:
    def __init__(self, rng, power_cut_share, counts):
        self.rng, self.power_cut_share, self.counts = rng, power_cut_share, counts
        self.calm = False  # no faults from now on
        self.clean_links = False

    # ---- links

    def fate(self):
        """Of a new connection."""
        r = self.rng.random()
        if self.calm or self.clean_links or r < 0.6:
            return Fate()
        kind = "reset" if r < 0.75 else "close" if r < 0.9 else "hole"
        return Fate(kind, self.rng.choice(("up", "down")), int(2 ** self.rng.uniform(0, 16)))

    def drops_answer(self):
        return not self.calm and not self.clean_links and self.rng.random() < 0.03

    # ---- the server

    async def kill(self, server, again=False):
        """-9, perhaps with the power, perhaps again during recovery; then up."""
        await server.end(signal.SIGKILL)
        self.counts.add("kills")
        await self.perhaps_cut(server)
        while again or self.rng.random() < 0.3:
            again = False
            await server.spawn()
            await asyncio.sleep(2 ** self.rng.uniform(-8, -2.5))
            if server.process.returncode is not None:
                await server.wait_up()  # says that it ended by itself
            await server.end(signal.SIGKILL)
            self.counts.add("kills during recovery")
            await self.perhaps_cut(server)
        await server.start()

    async def perhaps_cut(self, server):
        if self.rng.random() < self.power_cut_share:
            await self.cut(server)

    async def cut(self, server):
        pages, back, torn, _, sizes, names, names_back = await server.cut_power(self.rng.getrandbits(60))
        self.counts.add("power cuts")
        self.counts.add("pages taken back", back)
        self.counts.add("pages torn", torn)
        self.counts.add("names taken back", names_back)

    async def restart(self, server):
        await server.end(signal.SIGTERM)
        self.counts.add("clean restarts")
        await self.perhaps_cut(server)
        await server.start()

    async def freeze(self, server):
        """The machine stands still for longer than clients wait."""
        server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(0.1, 1))
        server.process.send_signal(signal.SIGCONT)
        self.counts.add("freezes")

    def events(self):
        """One of each kind first, so that a short run has them all; then as they come."""
        first = ["kill", "kill again", "restart", "freeze"]
        self.rng.shuffle(first)
        yield from first
        while True:
            yield self.rng.choices(["kill", "restart", "freeze"], [8, 1, 1])[0]

    async def disturb(self, server, until):
        """Until `until` says so; the server is up at the end."""
        for event in self.events():
            if until():
                return
            await asyncio.sleep(2 ** self.rng.uniform(-2, 1.6))
            if server.process.returncode is not None:
                await server.end(signal.SIGKILL)  # says that it ended by itself
            if event == "restart":
                await self.restart(server)
            elif event == "freeze":
                await self.freeze(server)
            else:
                await self.kill(server, again=event == "kill again")
