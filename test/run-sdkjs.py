#!/usr/bin/python3
"""The JavaScript library as other people use it: its unit tests and types, then packed, installed into an empty folder without a network,
and the README's bot run from there, word for word, against a real server while both are killed.
"""
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from product import CHEAP, ROOT, Server

PATIENCE_S = 30
PASSWORD = "a goose flies south"
NODE = os.environ.get("NODE", "node")
BUNDLE_MAX = 50_000  # bytes by gzip: what a page loads for the library
SDK = ROOT / "sdk/js"
# What the package depends on, as `npm ci` has put it beside it.
STANDS_ON = ("@bufbuild/protobuf", "ws")
USES_TYPES = """import { Client, HongyanError, type Message } from "hongyan";
import { FileStore } from "hongyan/node";
const client = new Client({ server: "http://127.0.0.1:1", store: new FileStore("kept") });
client.on("message", (message: Message) => void message.text.length);
client.lookup("ann").catch((error: unknown) => error instanceof HongyanError && error.code === "NOT_FOUND");
// @ts-expect-error: a UIN is a number
void client.send("ann", "hello");
"""


def run(*command, cwd=ROOT, limit=180, **options):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=limit, **options)
    assert done.returncode == 0, " ".join(map(str, command)) + ":\n" + what_failed(done.stdout)
    return done.stdout


def what_failed(said):
    """Of a protocol of tests, what did not pass; of anything else, its end."""
    blocks = re.findall(r"^not ok .*?^  \.\.\.$", said, flags=re.S | re.M)
    return "\n".join(blocks)[:8000] or said[-6000:]


def tsc(*arguments, cwd=ROOT):
    run(NODE, ROOT / "node_modules/typescript/bin/tsc", *arguments, cwd=cwd)


# ---- as it lies in the tree ----

def check_sources():
    said = run("npm", "test", "--silent", "-w", "hongyan")
    assert re.search(r"^# fail 0$|ℹ fail 0$", said, re.M) and not re.search(r"(# |ℹ )pass 0$", said, re.M), said[-3000:]
    yield "the unit tests"


def check_types():
    tsc("--noEmit", "-p", "sdk/js")
    tsc("--noEmit", "-p", "test/conformance")
    yield "the types, also of the tests"


# ---- packed, installed ----

def install(folder):
    """An empty folder with the package, and what it depends on, in its node_modules."""
    name = run("npm", "pack", "--silent", "-w", "hongyan", "--pack-destination", folder).split()[-1]
    home = folder / "home"
    home.mkdir()
    (home / "package.json").write_text('{"name": "home", "private": true, "type": "module"}')
    # Their packages are brought from where they are installed, for npm to find without a network.
    brought = [run("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, ROOT / "node_modules" / package).split()[-1]
               for package in STANDS_ON]
    run("npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", *(folder / n for n in [*brought, name]), cwd=home)
    return home


def check_package(home):
    installed = home / "node_modules/hongyan"
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {"package.json", "README.md", "dist/index.js", "dist/index.d.ts", "dist/node.js", "dist/node.d.ts"} <= names, names
    assert not [n for n in names if not n.startswith("dist/") and n not in ("package.json", "README.md")], names
    yield "the package has what it needs, and nothing else"

    (home / "use.ts").write_text(USES_TYPES)
    for resolution, module in (("bundler", "esnext"), ("nodenext", "nodenext")):
        options = {"noEmit": True, "strict": True, "skipLibCheck": False, "target": "es2022", "lib": ["es2022", "dom", "dom.iterable"],
                   "types": [], "moduleResolution": resolution, "module": module}
        (home / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["use.ts"]}))
        tsc("-p", ".", cwd=home)
    yield "its types are understood by programs, however they look for modules"

    (home / "page.js").write_text('import { Client } from "hongyan";\nglobalThis.client = new Client({});\n')
    run(ROOT / "node_modules/.bin/esbuild", "page.js", "--bundle", "--format=esm", "--minify", "--outfile=bundle.js",
        "--metafile=meta.json", cwd=home)
    assert "node_modules/ws/" not in (home / "meta.json").read_text(), "a page would load what only Node.js has"
    packed = len(gzip.compress((home / "bundle.js").read_bytes()))
    assert packed < BUNDLE_MAX, f"{packed} bytes by gzip"
    yield "a bundle for browsers has nothing of Node.js in it"


# ---- the README's bot ----

def bot_of_readme():
    blocks = re.findall(r"^```js\n(.*?)^```$", (SDK / "README.md").read_text(encoding="utf-8"), flags=re.S | re.M)
    bot = next(block for block in blocks if "incoming()" in block)
    lines = [line for line in bot.splitlines() if line.strip() not in ("", "}")]
    assert len(lines) <= 10, f"the bot has {len(lines)} lines"
    return bot


class Bot:
    def __init__(self, home, server):
        self.home, self.server, self.process = home, server, None
        (home / "bot.mjs").write_text(bot_of_readme(), encoding="utf-8")
        self.said = open(home / "said", "ab")

    def start(self, password=PASSWORD):
        self.process = subprocess.Popen([NODE, "bot.mjs", "http://" + self.server.address, "echo", password], cwd=self.home,
                                        stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def last_words(self):
        return (self.home / "said").read_text(errors="replace")[-3000:]


class Ann:
    """A person on the short link, who sees all that her inbox has."""

    def __init__(self, server):
        self.server = server
        self.ticket = server.ask("register", name="ann", password=PASSWORD)["ticket"]

    def ask(self, uin):
        self.server.ask("request-contact", ticket=self.ticket, uin=uin, greeting="hello, bot")

    def write(self, uin, text):
        self.server.ask("send-text", ticket=self.ticket, to=uin, text=text)

    def synced(self):
        snapshot, entries = "", []
        while True:
            answer = self.server.ask("sync", ticket=self.ticket, snapshot=snapshot)
            entries += answer.get("entries", [])
            snapshot = answer["snapshot"]
            if not answer.get("more"):
                return entries

    def is_contact(self):
        return any(e["kind"] == "SYNC_KIND_CONTACT" and e["body"].get("relation") == "RELATION_CONTACT" for e in self.synced())

    def replies(self):
        return [e["body"]["text"] for e in self.synced() if e["kind"] == "SYNC_KIND_MESSAGE" and e["body"]["fromName"] == "echo"]


def until(what, true, bot):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"in vain: {what}; the bot said: {bot.last_words()}"
        time.sleep(0.1)


def converse(server, bot):
    uin = server.ask("register", name="echo", password=PASSWORD)["uin"]
    ann, texts = Ann(server), []

    def answered():
        return sorted(ann.replies()) == sorted("You said: " + text for text in texts)

    def write(text):
        ann.write(uin, text)
        texts.append(text)

    ann.ask(uin)
    bot.start()
    until("the bot says yes to who asked before", ann.is_contact, bot)
    write("one")
    until("the first reply", answered, bot)
    yield "the bot says yes to who asks, and answers"

    for i in range(30):
        write(f"text {i}")
    bot.kill()
    write("while it was dead")
    bot.start("not the password")
    until("all replies after its death", answered, bot)
    assert ann.replies() == ["You said: " + text for text in texts], ann.replies()
    yield "killed in the middle of answering, it goes on from what it has kept"

    for i in range(5):
        write(f"again {i}")
        time.sleep(0.05 * i)
        bot.kill()
        bot.start()
    until("all replies after many deaths", answered, bot)
    yield "killed again and again, it answers each text once"

    server.kill()
    time.sleep(1)
    server.start()
    write("after the server's death")
    until("a reply after the server's death", answered, bot)
    time.sleep(1)
    assert answered(), ann.replies()
    yield "a server killed and started again is noticed by nobody"


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-sdkjs-"))
    passed = failed = 0
    server = bot = None

    def installed():
        nonlocal server, bot
        home = install(folder)
        yield from check_package(home)
        server = Server(folder / "data", *CHEAP)
        bot = Bot(home, server)
        yield from converse(server, bot)

    for steps in (check_sources, check_types, installed):
        try:
            for done in steps():
                print("ok:", done, flush=True)
                passed += 1
        except (AssertionError, subprocess.SubprocessError, OSError) as e:
            print("failed after the last step:", e, flush=True)
            failed += 1
    if bot:
        bot.kill()
    if server:
        server.kill()
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
