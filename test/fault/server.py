"""The server as a process: started under the preload library, killed, power-cut, ended; and what it leaves behind."""
import asyncio
import os
import re
import shutil
import signal
import socket
import struct

BAD_LINES = re.compile(r"assert|Sanitizer|runtime error|corrupt|stack smashing|SIGSEGV|SIGABRT|^ *#\d+ 0x", re.I)
JOURNAL_COUNTS = "writes syncs failed_syncs syncs_after_failure folder_syncs refused_writes".split()


def free_port():
    """Below 32768, so that no outgoing connection takes it meanwhile."""
    for port in range(21000 + os.getpid() % 5000, 32000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("no free port")


class ServerFailed(Exception):
    """It ended by itself, or did not come up."""


class Server:
    def __init__(self, build, folder, options, sync_us, preload=""):
        self.program = os.path.join(build, "src/main/hongyan")
        self.preload = " ".join(filter(None, [preload, os.path.join(build, "test/fault/libpowercut.so")]))
        self.undo = os.path.join(build, "test/fault/powercut-undo")
        self.folder, self.options, self.sync_us = folder, options, sync_us
        self.data, self.journal = os.path.join(folder, "data"), os.path.join(folder, "journal")
        self.log = os.path.join(folder, "server.log")
        self.port = free_port()
        self.process = None
        self.up = asyncio.Event()
        for path in (self.data, self.journal):
            os.makedirs(path, exist_ok=True)

    def environment(self, more):
        return {**os.environ, "LD_PRELOAD": self.preload, "POWERCUT_DATA": self.data, "POWERCUT_JOURNAL": self.journal,
                "POWERCUT_SYNC_US": str(self.sync_us), **more}

    def arguments(self, more):
        # Clients here send as fast as they can, which no person does: the limits on users are off.
        rates = [word for name in ("send", "search", "ask", "change") for word in ("--limit-" + name, "off")]
        return [self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:%d" % self.port,
                "--strangers-may-write", *rates, *self.options, *more]

    async def spawn(self, options=(), environment=None):
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments(options), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            env=self.environment(environment or {}))
        os.close(log)

    async def wait_up(self, limit=30):
        for _ in range(int(limit / 0.02)):
            if self.process.returncode is not None:
                raise ServerFailed("the server ended while starting, status %d" % self.process.returncode)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                self.up.set()
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise ServerFailed("the server did not come up within %d s" % limit)

    async def start(self, options=(), environment=None):
        await self.spawn(options, environment)
        await self.wait_up()

    async def end(self, how):
        """`how` is a signal; returns when the process is gone. One that had ended before has failed."""
        self.up.clear()
        if self.process.returncode is not None:
            raise ServerFailed("the server ended by itself, status %d" % self.process.returncode)
        self.process.send_signal(how)
        try:
            status = await asyncio.wait_for(self.process.wait(), 20)
        except asyncio.TimeoutError:
            self.process.kill()
            raise ServerFailed("the server did not end within 20 s of signal %d" % how) from None
        wanted = -signal.SIGKILL if how == signal.SIGKILL else 0
        if status != wanted:
            raise ServerFailed("the server ended with status %d after signal %d" % (status, how))

    async def cut_power(self, seed):
        """Of a server that has ended. Returns what the undoing says."""
        undo = await asyncio.create_subprocess_exec(self.undo, self.journal, self.data, str(seed),
                                                    stdout=asyncio.subprocess.PIPE)
        text, _ = await undo.communicate()
        if undo.returncode:
            raise ServerFailed("powercut-undo failed")
        self.note(text.decode().strip())
        return [int(n) for n in re.findall(r"\d+", text.decode())]

    def note(self, text):
        with open(self.log, "a", encoding="utf-8") as log:
            log.write("---- %s\n" % text)

    def counts(self):
        """What the preload library counted since the journal was made."""
        with open(os.path.join(self.journal, "records"), "rb") as f:
            numbers = struct.unpack("<8Q", f.read(64))[2:]
        return dict(zip(JOURNAL_COUNTS, numbers))

    def bad_lines(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return [line.rstrip() for line in log if BAD_LINES.search(line) and not line.startswith("---- ")]

    def log_folder(self):
        return os.path.join(self.data, "log")

    def newest_segment(self):
        numbers = [int(name[4:], 16) for name in os.listdir(self.log_folder()) if re.fullmatch(r"log-[0-9a-f]{16}", name)]
        return max(numbers, default=0)

    async def stat(self):
        """Counters by name, of this or the last life of the server; {} before its first."""
        process = await asyncio.create_subprocess_exec(self.program, "mon", "--once", "--data", self.data,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        text, _ = await process.communicate()
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\S+)\s+(\d+)\s*$", text.decode(), re.M)}

    def remove(self):
        shutil.rmtree(self.folder)
