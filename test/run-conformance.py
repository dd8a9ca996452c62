#!/usr/bin/python3
"""usage: test/run-conformance.py [--with LIBRARIES] [--keep] [WORDS ...]

What every client library must do: the stories of test/conformance/scenarios.txt, told to the libraries by their drivers, against a real
server that is killed, restored and cut off. Each runs with the C library, with the JavaScript library, and with both mixed, in either
order.
--with c, js, c+js or js+c: only so; --with page: the JavaScript library in Chromium, and the stories that say so. WORDS: only stories whose
titles have them. --keep: leaves the folders.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from product import BUILD, CHEAP, ROOT, Server, hongyan

sys.path.insert(0, str(ROOT / "test/conformance"))
from devices import PATIENCE_S, Device, Failure  # noqa: E402
from network import Loop, Network  # noqa: E402

PASSWORD = "a goose flies south"
OPTIONS = (*CHEAP, "--segment", "1M", "--memory", "4M", "--loops", "1", "--disk-reserve", "16M", "--limit-send", "off",
           "--limit-change", "off", "--metrics", "off", "--drain", "1s")
CASTS = {"c": ["c"], "js": ["js"], "c+js": ["c", "js"], "js+c": ["js", "c"], "page": ["page", "c"]}
IN_A_PAGE = "in a page, too"
AT_ONCE = 3
QUIET_S = 0.3
STEPS = []

# ---- what a line may say ----

DEVICE = r"([a-z]+(?:'s (?:phone|tablet|laptop|copy))?)"
TEXT = r'"((?:[^"\\]|\\.)*)"'
CODE = r"(?:: ([A-Z_]+))?"
WHAT_OF = r"(nickname|remark|greeting|blocked|gone)"


def step(pattern):
    words = pattern.replace("DEVICE", DEVICE).replace("TEXT", TEXT).replace("CODE", CODE).replace("WHAT_OF", WHAT_OF)

    def register(fn):
        STEPS.append((re.compile(words), fn))
        return fn
    return register


def unquoted(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text)


def of_length(size, in_chinese):
    unit = "鸿雁🪿" if in_chinese else "0123456789"
    text = unit * (size // len(unit.encode()))
    return text + "." * (size - len(text.encode()))


class Story:
    """One scenario with one cast: a server, its people, and what has happened."""

    def __init__(self, folder, loop, cast, commands):
        self.folder, self.loop, self.cast, self.commands = folder, loop, cast, commands
        self.devices, self.uins = {}, {}
        self.delivered = []  # (device, person written to, text), in the order in which each device wrote
        self.forgotten = []  # of these, those that a restored server has not
        self.backed_up = 0
        self.began_ms = int(time.time() * 1000)
        self.server = Server(folder / "data", *OPTIONS)

    def end(self):
        for device in self.devices.values():
            device.kill()
            device.network.end()
        self.server.kill()

    def do(self, line):
        for pattern, fn in STEPS:
            if match := pattern.fullmatch(line):
                fn(self, *match.groups())
                return
        raise Failure("nobody knows what this means")

    # ---- who ----

    def device(self, name):
        name = name if "'s " in name else name + "'s phone"
        if name not in self.devices:
            person, _, kind = name.partition("'s ")
            library = self.cast[len(self.devices) % len(self.cast)]
            if kind == "copy":
                library = self.devices[person + "'s phone"].library
            self.devices[name] = Device(person, name, library, self.commands[library], self.folder / f"{person}-{kind}",
                                        Network(self.loop, lambda: self.server.port), self.look)
        return self.devices[name]

    def uin(self, name):
        return self.uins[name]

    def ready(self, device):
        return device if device.running() else device.start()

    def of(self, person):
        return [d for d in self.devices.values() if d.person == person and d.running() and d.signed_in]

    @step(r'DEVICE registers(?: as TEXT)?(?: with TEXT)?CODE')
    def register(self, name, other, password, code):
        device = self.ready(self.device(name))
        device.ask("register", code, name=other or device.person, password=password or PASSWORD)
        if not code:
            self.is_signed_in(device)

    def is_signed_in(self, device):
        device.signed_in = True
        self.uins[device.person] = device.until("to be somebody", lambda d: d["uin"] != 0)["uin"]

    @step(r'DEVICE and DEVICE register')
    def register_both(self, one, other):
        for name in (one, other):
            self.register(name, None, None, None)

    @step(r'DEVICE signs in(?: as TEXT)?(?: with TEXT)?CODE')
    def sign_in(self, name, other, password, code):
        device = self.ready(self.device(name))
        device.ask("signIn", code, name=other or device.person, password=password or PASSWORD)
        if not code:
            self.is_signed_in(device)

    @step(r'DEVICE signs out')
    def sign_out(self, name):
        device = self.device(name)
        device.ask("signOut")
        device.signed_in = False

    @step(r'DEVICE signs out (?:all others|DEVICE)')
    def sign_out_device(self, name, other):
        device, fields = self.device(name), {}
        gone = [self.device(other)] if other else [d for d in self.of(device.person) if d is not device]
        if other:
            fields["device"] = next(d["device"] for d in device.ask("devices") if d["name"] == gone[0].id)
        device.ask("signOutDevice", **fields)
        for d in gone:
            d.signed_in = False

    @step(r'DEVICE changes (?:the password|TEXT) to TEXTCODE')
    def change_password(self, name, old, new, code):
        device = self.device(name)
        device.ask("password", code, old=old or PASSWORD, new=new)
        if not code:
            for d in self.of(device.person):
                d.signed_in = d is device

    @step(r'DEVICE is told that it is signed out')
    def told_signed_out(self, name):
        device = self.device(name)
        device.until_told("signed out", "signed-out")
        device.until("to be signed out", lambda d: d["uin"] == 0 and d["state"] == "signed-out")
        time.sleep(QUIET_S)
        if len(device.told("signed-out")) != 1:
            raise Failure(f"{device.name} is told more than once that it is signed out")

    @step(r'DEVICE is signed out')
    def is_signed_out(self, name):
        self.device(name).until("to be signed out", lambda d: d["uin"] == 0)

    @step(r'DEVICE is (not )?online')
    def is_online(self, name, is_not):
        self.device(name).until(f"to be {is_not or ''}online", lambda d: (d["state"] == "online") != bool(is_not))

    @step(r'DEVICE and DEVICE are online')
    def are_online(self, one, other):
        self.is_online(one, None)
        self.is_online(other, None)

    @step(r"DEVICE's own (name|nickname|mayWrite|mayAsk) is TEXT")
    def own_is(self, name, what, text):
        def has(dump):
            return (dump["me"].get("settings") or {}).get(what) == text if what.startswith("may") else dump["me"].get(what) == text
        self.device(name).until(f"to have {what} {text}", has)

    @step(r'DEVICE is now called TEXT')
    def is_called(self, name, text):
        self.device(name).ask("profile", nickname=text)

    @step(r'DEVICE lets (anyone write|nobody ask)')
    def lets(self, name, whom):
        may_write, may_ask = ("anyone", "default") if whom == "anyone write" else ("default", "nobody")
        self.device(name).ask("settings", mayWrite=may_write, mayAsk=may_ask)

    # ---- its life ----

    @step(r'DEVICE is killed')
    def is_killed(self, name):
        self.device(name).kill()

    @step(r'DEVICE ends')
    def ends(self, name):
        self.device(name).end()

    @step(r'DEVICE starts')
    def starts(self, name):
        device = self.device(name)
        opened = self.ready(device).ask("open")
        if device.signed_in and not opened["signedIn"]:
            raise Failure(f"{device.name} does not know any more that it is signed in")

    @step(r"DEVICE is made of DEVICE")
    def is_copied(self, name, other):
        self.device(other).copy_to(self.device(name))

    @step(r"DEVICE's network (is cut|is back|stalls|loses answers|refuses long links)")
    def network_is(self, name, state):
        self.device(name).network.becomes(state)

    @step(IN_A_PAGE)
    def in_a_page(self):
        """Says that the story is also to be told to a page."""

    @step(r'wait ([0-9.]+) s')
    def wait(self, seconds):
        time.sleep(float(seconds))

    # ---- the server ----

    @step(r'the server is killed')
    def server_is_killed(self):
        self.server.kill()

    @step(r'the server ends')
    def server_ends(self):
        self.server.end()

    @step(r'the server starts')
    def server_starts(self):
        self.server.start()

    @step(r'the server keeps ([0-9]+) texts of each')
    def server_keeps(self, count):
        self.server.end()
        self.server.options += ("--inbox-rows", count)
        self.server.start()

    @step(r'DEVICE may lack what was written before')
    def may_lack(self, name):
        self.device(name).may_lack = len(self.delivered)

    @step(r'the operator (disable|enable|delete)s DEVICE')
    def operator(self, what, name):
        hongyan("user", "--data", self.server.data, what, name, *(["--yes"] if what == "delete" else []))
        for device in self.of(name) if what != "enable" else []:
            device.signed_in = False

    @step(r'a backup is made')
    def backup(self):
        hongyan("backup", "--data", self.server.data, self.folder / "backup")
        self.backed_up = len(self.delivered)

    @step(r'the backup is restored')
    def restore(self):
        hongyan("restore", self.folder / "backup", "--data", self.folder / "restored")
        self.forgotten, self.delivered = self.delivered[self.backed_up:], self.delivered[:self.backed_up]
        for device in self.devices.values():
            device.must_have = list(self.forgotten)
        self.server = Server(self.folder / "restored", *OPTIONS, listen=self.server.address)

    # ---- contacts ----

    @step(r'DEVICE and DEVICE are contacts')
    def are_contacts(self, one, other):
        for name in (one, other):
            if not self.device(name).running():
                self.register(name, None, None, None)
        self.asks(one, other, "hello", None, None)
        self.sees(other, one, "incoming")
        self.device(other).ask("contact", what="accept", uin=self.uin(one))
        self.sees(one, other, "contact")
        self.sees(other, one, "contact")

    @step(r'DEVICE finds DEVICE')
    def finds(self, name, other):
        found = self.device(name).ask("lookup", name=other)
        if found["name"] != other or found["uin"] != self.uin(other):
            raise Failure(f"looked for {other}, found {found}")

    @step(r'DEVICE looks for TEXT: ([A-Z_]+)')
    def looks_for(self, name, other, code):
        self.device(name).ask("lookup", code, name=other)

    @step(r'DEVICE asks DEVICE TEXT(, and waits for no answer)?CODE')
    def asks(self, name, other, greeting, at_once, code):
        device, fields = self.device(name), {"what": "request", "uin": self.uin(other), "greeting": greeting}
        if at_once:
            device.begin("contact", **fields)
        else:
            device.ask("contact", code, **fields)

    @step(r'DEVICE (accept|decline|delete|restore|block|unblock)s DEVICECODE')
    def changes(self, name, what, other, code):
        self.device(name).ask("contact", code, what=what, uin=self.uin(other))

    @step(r'DEVICE calls DEVICE TEXT')
    def calls(self, name, other, remark):
        self.device(name).ask("contact", what="remark", uin=self.uin(other), remark=unquoted(remark))

    def view(self, dump, other):
        return dump["contacts"].get(str(self.uin(other)), {})

    @step(r'DEVICE sees DEVICE as (none|outgoing|incoming|contact|ended)')
    def sees(self, name, other, relation):
        self.device(name).until(f"to see {other} as {relation}", lambda d: self.view(d, other).get("relation", "none") == relation)

    @step(r"DEVICE's view of DEVICE has WHAT_OF TEXT")
    def view_has(self, name, other, what, text):
        wanted = text == "yes" if what in ("blocked", "gone") else unquoted(text)
        self.device(name).until(f"to see {other} with {what} {text}", lambda d: self.view(d, other).get(what) == wanted)

    @step(r'DEVICE is told once that DEVICE asks TEXT')
    def told_of_request(self, name, other, greeting):
        self.told_once(name, "request", **{"from": self.uin(other), "greeting": greeting})

    def told_once(self, name, event, **fields):
        device = self.device(name)
        device.until_told(f"{event} {fields}", event, **fields)
        time.sleep(QUIET_S)
        if len(device.told(event, **fields)) != 1:
            raise Failure(f"{device.name} is told more than once of {fields}")

    # ---- texts ----

    def write(self, device, other, text, code=None, again=False, **named):
        number = device.begin("send", to=self.uin(other), text=text, **named)
        with device.waiting:
            device.waiting.wait_for(lambda: number in device.answers, PATIENCE_S)
            answer = device.answers.pop(number, {"error": "no answer"})
        if "error" not in answer and code:
            device.until_told(f"{code} for {text[:60]}", "refused", to=self.uin(other), text=text, code=code)
        elif answer.get("error") != code:
            raise Failure(f"{device.name} writes {text[:60]}: wanted {code}, got {answer}")
        if not code and not again:
            self.delivered.append((device, other, text))

    @step(r'DEVICE writes DEVICE TEXTCODE')
    def writes(self, name, other, text, code):
        self.write(self.device(name), other, unquoted(text), code)

    @step(r'DEVICE writes DEVICE TEXT under ID ([0-9])( again)?CODE')
    def writes_named(self, name, other, text, number, again, code):
        self.write(self.device(name), other, text, code, again, id=number * 32, madeMs=self.began_ms)

    @step(r'DEVICE writes DEVICE a text of ([0-9]+) bytes( in Chinese and emoji)?CODE')
    def writes_long(self, name, other, size, in_chinese, code):
        self.write(self.device(name), other, of_length(int(size), in_chinese), code)

    @step(r'DEVICE writes DEVICE ([0-9]+) texts')
    def writes_many(self, name, other, count):
        device = self.device(name)
        before = sum(d is device for d, _, _ in self.delivered)
        author = device.person if device.name.endswith("phone") else device.name
        for i in range(before, before + int(count)):
            self.write(device, other, f"text {i} of {author}")

    @step(r'DEVICE has TEXT(?: within ([0-9]+) s)?')
    def has(self, name, text, seconds):
        text = unquoted(text)
        self.device(name).until(f"to have {text}", lambda d: any(row["text"] == text for row in d["texts"]),
                                float(seconds or PATIENCE_S))

    @step(r'DEVICE is told once of TEXT')
    def told_once_of(self, name, text):
        self.told_once(name, "message", text=unquoted(text))

    @step(r'DEVICE is told of nothing')
    def told_of_nothing(self, name):
        time.sleep(QUIET_S)
        if self.device(name).told("message"):
            raise Failure(f"{name} is told of what was long before: {self.device(name).events}")

    # ---- nothing lost, nothing twice ----

    def conversations(self, device):
        """What a device must have: {other person: {device that wrote: [texts]}}."""
        wanted = collections.defaultdict(lambda: collections.defaultdict(list))
        for author, other, text in self.delivered[device.may_lack:]:
            if device.person in (author.person, other):
                wanted[other if author.person == device.person else author.person][author].append(text)
        return wanted

    def missing(self, device, dump):
        """The first thing that is not yet as it must be, or None."""
        if any("code" not in row for row in dump["outbox"]):
            return "something waits in the outbox"
        for other, authors in self.conversations(device).items():
            have = collections.Counter(row["text"] for row in dump["texts"] if row["peer"] == self.uin(other))
            for text, count in collections.Counter(text for texts in authors.values() for text in texts).items():
                if have[text] < count:
                    return f"{text[:60]!r} is there {have[text]} times, not {count}"
        return None

    def look(self, device, dump):
        """Whenever a device is looked at: a library that shows what is being sent shows it once, also while its copy comes by sync."""
        if device.library == "c" or self.forgotten or any("copy" in name for name in self.devices):
            return  # what a copy sends is somebody else's to the original, until it tries to send the same
        written = collections.Counter((self.uin(other), text) for author, other, text in self.delivered if author.person == device.person)
        shown = collections.Counter((row["peer"], row["text"]) for row in dump["texts"] if row["from"] == dump["uin"])
        shown.update((row["to"], row["text"]) for row in dump["outbox"] if "code" not in row)
        if too_often := [text[:60] for (_, text), count in (shown - written).items()]:
            raise Failure(f"{device.name} shows more often than they were written: {too_often}")

    @step(r'everything arrives')
    def everything_arrives(self):
        for device in list(self.devices.values()):
            if device.running() and device.signed_in:
                try:
                    device.until("to have all", lambda d, device=device: self.missing(device, d) is None)
                except Failure as failure:
                    raise Failure(f"{self.missing(device, device.dump())}\n{failure}") from None

    def check(self):
        """At the end, when all is quiet."""
        self.everything_arrives()
        time.sleep(QUIET_S)
        orders = {}
        for device in self.devices.values():
            if device.running() and device.signed_in:
                dump = device.dump()
                self.check_texts(device, dump)
                self.check_events(device)
                if not self.forgotten and not device.may_lack:
                    self.check_same_order(device, dump, orders)

    def check_texts(self, device, dump):
        if missing := self.missing(device, dump):
            raise Failure(f"{device.name}: {missing}")
        wanted = self.conversations(device)
        known = {self.uin(person): person for person in self.uins}
        old = {text for _, _, text in self.forgotten + self.delivered[:device.may_lack]}
        for peer in {row["peer"] for row in dump["texts"]}:
            rows = [row for row in dump["texts"] if row["peer"] == peer and row["text"] not in old]
            authors = wanted[known[peer]]
            if len(rows) != sum(map(len, authors.values())):
                raise Failure(f"{device.name} has {len(rows)} texts with {known[peer]}: {[row['text'][:60] for row in rows]}")
            once = {text for text, count in collections.Counter(t for texts in authors.values() for t in texts).items() if count == 1}
            for author, texts in authors.items():
                mine = [text for text in texts if text in once]
                if [r["text"] for r in rows if r["text"] in mine and r["from"] == self.uin(author.person)] != mine:
                    raise Failure(f"{device.name} has the texts of {author.name} in another order: {[r['text'][:60] for r in rows]}")
        for author, other, text in device.must_have or []:
            if device.person in (author.person, other) and not any(row["text"] == text for row in dump["texts"]):
                raise Failure(f"{device.name} had {text[:60]!r} before the restore")

    def check_events(self, device):
        told = collections.Counter((said["from"], said["text"]) for _, said in device.events if said["event"] == "message")
        told.subtract((self.uin(author.person), text) for author, other, text in self.delivered + self.forgotten if other == device.person)
        if too_often := [text for (_, text), count in told.items() if count > 0]:
            raise Failure(f"{device.name} is told too often of {too_often}")

    def check_same_order(self, device, dump, orders):
        """All devices of one person show a conversation in the same order."""
        for peer in {row["peer"] for row in dump["texts"]}:
            order = [row["text"] for row in dump["texts"] if row["peer"] == peer]
            first = orders.setdefault((device.person, peer), (device, order))
            if first[1] != order:
                raise Failure(f"{device.name} and {first[0].name} show another order: {order} and {first[1]}")


# ---- all of them ----

def scenarios():
    """(title, [(line number, line)]) of each story."""
    stories = []
    for number, line in enumerate((ROOT / "test/conformance/scenarios.txt").read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] != "\t":
            stories.append((line.strip(), []))
        else:
            stories[-1][1].append((number, line.strip()))
    return stories


def tell(folder, loop, title, lines, cast, commands):
    """None, or what went wrong."""
    folder.mkdir()
    story, number = None, 0
    try:
        story = Story(folder, loop, CASTS[cast], commands)
        for number, line in lines:
            story.do(line)
        number = "the end"
        story.check()
    except Failure as failure:
        return f"scenarios.txt:{number}: {failure}"
    except Exception:  # of the runner itself: it must not end the others
        return f"scenarios.txt:{number}: {traceback.format_exc()}"
    finally:
        if story:
            story.end()
    return None


def build_drivers(folder, libraries):
    commands, node = {"c": [BUILD / "test/conformance/conformance-driver"]}, os.environ.get("NODE", "node")
    if libraries & {"js", "page"}:
        subprocess.run([node, ROOT / "sdk/js/script/gen.mjs"], check=True)
    if "js" in libraries:
        bundle("driver.ts", folder / "driver.mjs", "--platform=node", "--target=node18",
               "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);")
        commands["js"] = [node, folder / "driver.mjs"]
    if "page" in libraries:
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        bundle("page.ts", folder / "page.js", "--platform=browser", "--target=es2021")
        shutil.copy(ROOT / "test/conformance/driver_page.mjs", folder)
        commands["page"] = [node, folder / "driver_page.mjs"]
    return commands


def bundle(source, output, *options):
    """A driver and the library's sources in one file."""
    subprocess.run([ROOT / "node_modules/.bin/esbuild", ROOT / "test/conformance" / source, "--bundle", "--format=esm",
                    "--log-level=warning", "--sourcemap=inline", f"--outfile={output}",
                    f"--tsconfig={ROOT / 'test/conformance/tsconfig.json'}", *options], check=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[0][7:])
    parser.add_argument("--with", dest="casts", action="append", choices=CASTS)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    casts = options.casts or [cast for cast in CASTS if cast != "page"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-conformance-"))
    commands = build_drivers(folder, {library for cast in casts for library in CASTS[cast]})
    loop, began = Loop(), time.monotonic()
    failed = passed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {}
        for title, lines in scenarios():
            if all(word in title for word in options.words):
                for cast in casts:
                    if cast == "page" and IN_A_PAGE not in (line for _, line in lines):
                        continue
                    run = pool.submit(tell, folder / str(len(runs)), loop, title, lines, cast, commands)
                    runs[run] = f"{title} ({cast})"
        for run in concurrent.futures.as_completed(runs):
            if problem := run.result():
                failed += 1
                print(f"failed: {runs[run]}\n  {problem}", flush=True)
            else:
                passed += 1
                print("ok", runs[run], flush=True)
    if not options.keep:
        shutil.rmtree(folder)
    print(f"{time.monotonic() - began:.0f} s", *(["in", folder] if options.keep else []))
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
