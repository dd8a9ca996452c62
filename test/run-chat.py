#!/usr/bin/python3
"""`hongyan chat` as people use it. By pipes: plain lines, one text, JSON lines. In the full screen, in two terminals of tmux: register, find, ask,
accept, write, block, unblock, go on when the server is killed in mid-sentence, and see the latest conversations on another device."""
import http.server, json, os, pathlib, pty, queue, shutil, subprocess, sys, tempfile, threading, time

from product import CHEAP, HONGYAN, Server, hongyan

PATIENCE_S = 30


def command(server, folder, name, *options):
    secret = folder / "password"
    secret.write_text("a goose flies south\n")
    # A server that begins on port 0 keeps its port: the folder of a history, which has the address in its name, stays.
    return [str(HONGYAN), "chat", name, "--server", server.address, "--password-file", str(secret), "--state", str(folder / "state"), *options]


class Person:
    """By pipes."""

    everybody = []

    def __init__(self, server, folder, name, *options):
        self.name, self.lines = name, queue.Queue()
        Person.everybody.append(self)
        self.process = subprocess.Popen(command(server, folder, name, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def order(self, **what):
        self.say(json.dumps(what))

    def expect(self, text):
        """The next line that was received, without its time."""
        line = self.lines.get(timeout=PATIENCE_S)
        got = line.split("  ", 1)[-1]
        if got != text:
            raise AssertionError(f"{self.name} expected {text!r} and saw {line!r}")

    def expect_event(self, **want):
        """The next event that has these fields; others before it are passed over."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            got = json.loads(self.lines.get(timeout=PATIENCE_S))
            if all(got.get(key) == value for key, value in want.items()):
                return got
        raise AssertionError(f"{self.name} was not told of {want}")

    def expect_nothing_more(self):
        time.sleep(0.5)
        if not self.lines.empty():
            raise AssertionError(f"{self.name} saw {self.lines.get()!r} too")

    def leave(self, how="/quit"):
        self.say(how)
        if self.process.wait(timeout=PATIENCE_S) != 0:
            raise AssertionError(f"{self.name}'s client ended with status {self.process.returncode}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def texts(self):
        """Of the messages that were told and not yet looked at."""
        texts = []
        while not self.lines.empty():
            line = self.lines.get()
            if line.endswith("}"):  # a line that the kill has cut is none
                event = json.loads(line)
                texts += [event["text"]] if event["event"] == "message" and not event["mine"] else []
        return texts


class Terminal:
    """In the full screen, as a session of a tmux server of this test's own."""

    def __init__(self, server, folder, name, *options, columns=80, rows=24, session=None):
        self.socket, self.session, self.name = folder / "tmux", session or name, name
        line = ["env", "LC_ALL=C.UTF-8", "NO_COLOR=", *command(server, folder, name, *options)]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", self.session, "-x", str(columns), "-y", str(rows), *line)
        self.expect("● online")

    def tmux(self, *arguments):
        environment = dict(os.environ, TERM="screen-256color", LC_ALL="C.UTF-8")
        environment.pop("TMUX", None)
        return subprocess.run(["tmux", "-S", str(self.socket), *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=environment).stdout

    def page(self):
        return self.tmux("capture-pane", "-p", "-t", self.session)

    def keys(self, *keys):
        self.tmux("send-keys", "-t", self.session, *keys)

    def type(self, text):
        self.tmux("send-keys", "-t", self.session, "-l", text)

    def say(self, text):
        self.type(text)
        self.expect(text.split("\n")[-1][-20:])
        self.keys("Enter")

    def expect(self, *texts):
        """All of these stand on the page, sooner or later."""
        end = time.monotonic() + PATIENCE_S
        while True:
            page = self.page()
            missing = [text for text in texts if text not in page]
            if not missing:
                return page
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} does not see {missing}:\n{page}")
            time.sleep(0.1)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-t", self.session, "-x", str(columns), "-y", str(rows))

    def leave(self):
        self.keys("C-u")
        self.say("/quit")
        end = time.monotonic() + PATIENCE_S
        while self.session in self.sessions():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} does not end")
            time.sleep(0.1)

    def sessions(self):
        try:
            return self.tmux("list-sessions", "-F", "#{session_name}").split()
        except subprocess.CalledProcessError:
            return []


def become_contacts(server, folder, asking, asked):
    """Both by JSON lines; they end again."""
    a, b = (Person(server, folder, name, "--json", "--register") for name in (asking, asked))
    for person in (a, b):
        person.expect_event(event="state", state="online")
    a.order(add={"name": asked, "greeting": "it is me"})
    b.expect_event(event="request", greeting="it is me", **{"from": asking})
    b.order(accept=asking)
    for person, other in ((a, asked), (b, asking)):
        person.expect_event(event="contact", name=other, relation="contact")
        person.leave('{"quit": true}')


def by_plain_lines(server, folder):
    become_contacts(server, folder, "carol", "dave")
    yield "by JSON lines one asks, the other accepts, and both are told"

    carol = Person(server, folder, "carol")
    dave = Person(server, folder, "dave")
    carol.say("@dave good evening")
    carol.expect("me -> dave: good evening")
    dave.expect("carol: good evening")
    yield "a text arrives, and the sender's other lines show it"

    dave.say("@carol and to you")
    dave.expect("me -> carol: and to you")
    carol.expect("dave: and to you")
    yield "the answer arrives"

    server.kill()
    dave.say("are you there?")
    time.sleep(1)
    server.start()
    dave.expect("me -> carol: are you there?")
    carol.expect("dave: are you there?")
    yield "a text written while the server is dead is sent when it is back"

    for i in range(20):
        carol.say(f"line {i}")
        if i == 10:
            server.kill()
            server.start()
    for i in range(20):
        carol.expect(f"me -> dave: line {i}")
        dave.expect(f"carol: line {i}")
    carol.expect_nothing_more()
    dave.expect_nothing_more()
    yield "twenty lines over a killed server arrive once each and in order"

    dave.leave()
    carol.say("see you")
    carol.expect("me -> dave: see you")
    dave = Person(server, folder, "dave")
    dave.expect("carol: see you")
    dave.expect_nothing_more()
    yield "what came meanwhile is there at the next start, which needs no password"

    carol.say("@nobody-here hello")
    carol.expect("* nobody-here: nobody has this name")
    yield "an unknown name is said to be one"

    second = subprocess.run(command(server, folder, "carol", "--send", "dave", "x"), stderr=subprocess.PIPE, text=True)
    if second.returncode != 1 or "--device" not in second.stderr:
        raise AssertionError(f"a second process of one history: {second}")
    yield "a second process is told that the history is in use"

    carol.leave()
    dave.leave()
    yield "both end well"


def by_a_wish(server, folder):
    for name in ("gil", "hal"):  # there before anybody asks for them
        person = Person(server, folder, name, "--json", "--register")
        person.expect_event(event="state", state="online")
        person.leave('{"quit": true}')
    gil, hal = Person(server, folder, "gil"), Person(server, folder, "hal")
    gil.say("/add hal it is me")
    gil.expect("* hal was asked to become your contact")
    hal.expect("* gil asks to become your contact: it is me")
    hal.say("/accept gil")
    hal.expect("* gil is your contact now")
    gil.expect("* hal is your contact now")
    for person in (gil, hal):
        person.expect_nothing_more()
        person.leave()
    yield "by plain lines who asked is told once that the other accepts"


def by_one_text(server, folder):
    sent = [subprocess.run(command(server, folder, "carol", "--send", "dave", "one", "text")).returncode,
            subprocess.run(command(server, folder, "carol", "--send", "dave", "-"), input="two\nlines\n", text=True).returncode,
            subprocess.run(command(server, folder, "carol", "--send", "dave", "--", "--patience", "1")).returncode]
    refused = subprocess.run(command(server, folder, "carol", "--send", "nobody-here", "x"), stderr=subprocess.DEVNULL).returncode
    server.kill()
    kept = subprocess.run(command(server, folder, "carol", "--send", "dave", "kept", "--patience", "1"), stderr=subprocess.DEVNULL).returncode
    server.start()
    dave = Person(server, folder, "dave", "--json")
    dave.expect_event(event="message", text="one text", mine=False)
    dave.expect_event(event="message", text="two\nlines")
    dave.expect_event(event="message", text="--patience 1")
    if sent != [0, 0, 0] or refused != 1 or kept != 3:
        raise AssertionError(f"--send ended with {sent}, {refused}, {kept}")
    yield "--send tells whether the text is on the server, or was refused, or is kept"

    carol = Person(server, folder, "carol", "--json")
    dave.expect_event(event="message", text="kept")
    carol.leave('{"quit": true}')
    dave.leave('{"quit": true}')
    yield "a text that was kept is sent by the next start"


def to_a_new_name(server, folder):
    """Nobody here has ever met erin; the server dies before it can say who that is, and the writer with it."""
    erin = Person(server, folder, "erin", "--json", "--register")
    erin.expect_event(event="state", state="online")
    erin.order(settings={"write": "anyone"})
    erin.expect_event(event="done", what="settings")
    carol = Person(server, folder, "carol", "--json")
    carol.expect_event(event="state", state="online")
    erin.order(find="carol")
    erin.expect_event(event="found", name="carol")
    server.kill()
    for text in ("first", "second"):
        carol.order(send={"to": "erin", "text": text})
    time.sleep(1)
    carol.kill()
    kept = subprocess.run(command(server, folder, "carol", "--patience", "1", "--send", "erin", "third"), stderr=subprocess.DEVNULL).returncode
    if kept != 3:
        raise AssertionError(f"--send to a name that could not be looked up ended with {kept}")
    server.start()
    carol = Person(server, folder, "carol", "--json")
    for text in ("first", "second", "third"):
        erin.expect_event(event="message", text=text, mine=False)
    carol.leave('{"quit": true}')
    erin.leave('{"quit": true}')
    yield "texts to a name that is still looked up outlive server and client, and arrive in order"


def by_wrong_words(server, folder):
    """Of each: what is said, and how it ends."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        other.RequestHandlerClass.log_message = lambda *what: None
        threading.Thread(target=other.serve_forever, daemon=True).start()
        port = other.server_port
        for words, status, said in (
                (["--send", "dave"], 2, "--send wants TO and TEXT"),
                (["--send", "dave", ""], 2, "the text is empty"),
                (["--patience", "abc"], 2, "'abc' is none"),
                (["--notify", "maybe"], 2, "not 'maybe'"),
                (["--state", "/proc/nope"], 1, "/proc/nope: No such file"),
                (["--device", "new", "--password-file", "/nofile"], 1, "cannot read a password from /nofile"),
                (["--send", "dave", "x", "--server", "127.0.0.1:1", "--patience", "2"], 1, "cannot reach 127.0.0.1:1: connection refused; nothing was sent"),
                (["--send", "dave", "x", "--server", "nobody.invalid", "--patience", "2"], 1, "no address is known for this name"),
                (["--send", "dave", "x", "--server", f"127.0.0.1:{port}", "--patience", "2"], 1, f"127.0.0.1:{port} is no Hongyan server")):
            ended = subprocess.run(command(server, folder, "carol", *words), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
            if ended.returncode != status or said not in ended.stderr:
                raise AssertionError(f"{words}: {ended}")
        other.shutdown()
    yield "what is wrong with options, files, addresses and servers is said"

    terminal, its_end = pty.openpty()
    line = [str(HONGYAN), "chat", "slip", "--server", server.address, "--state", str(folder / "state"), "--register"]
    asked = subprocess.Popen(line, stdin=its_end, stderr=subprocess.PIPE)
    for prompt, typed in ((b"characters): ", b"a goose flies\n"), (b"once more: ", b"a goose flees\n")):
        said = b""
        while not said.endswith(prompt):
            said += asked.stderr.read(1) or sys.exit(f"asked for a new password: {said}")
        time.sleep(0.2)  # what is typed before the echo is off is thrown away
        os.write(terminal, typed)
    said = asked.stderr.read().decode()
    if asked.wait() != 1 or "not the same; no account was made" not in said:
        raise AssertionError(f"a slip in a new password: {said}")
    yield "a new account's password is asked for twice, and a slip makes none"

    carol = Person(server, folder, "carol", "--json")
    carol.order(find="dave")
    carol.order(dance=1)
    carol.order(profile={"colour": "mauve"})
    carol.expect_event(event="error", order="dance", line=2)
    carol.expect_event(event="error", order="profile", line=3)
    carol.leave('{"quit": true}')
    yield "an order that is none is named, with its line"


def by_a_restored_server(server, folder):
    carol, dave = Person(server, folder, "carol"), Person(server, folder, "dave")
    carol.say("@dave before the backup")
    carol.expect("me -> dave: before the backup")
    dave.expect("carol: before the backup")
    hongyan("backup", "--data", server.data, folder / "backup")
    carol.say("after the backup")
    carol.expect("me -> dave: after the backup")
    dave.expect("carol: after the backup")
    server.kill()
    server.data = folder / "restored"
    hongyan("restore", folder / "backup", "--data", server.data)
    server.start()
    dave.say("@carol on the restored server")
    dave.expect("me -> carol: on the restored server")
    carol.expect("dave: on the restored server")
    time.sleep(1)
    carol.expect_nothing_more()
    dave.expect_nothing_more()
    carol.leave()
    dave.leave()
    dave = Person(server, folder, "dave", "--json")
    dave.order(history={"with": "carol", "limit": 3})
    texts = [dave.expect_event(event="message")["text"] for _ in range(2)] + [dave.expect_event(mine=True)["text"]]
    dave.leave('{"quit": true}')
    if texts != ["before the backup", "after the backup", "on the restored server"]:
        raise AssertionError(f"history after the restore: {texts}")
    yield "a server restored from a backup: nothing is shown twice, what it has lost stays here, the order is that of arrival"


def by_killed_clients(server, folder):
    """kill -9 of both, many times, while one writes and the other reads."""
    wanted, told, heard = [], [], set()
    carol = dave = None
    for i in range(12):
        carol, dave = Person(server, folder, "carol", "--json"), Person(server, folder, "dave", "--json")
        for k in range(5):
            text = f"under fire {i} {k}"
            carol.order(send={"to": "dave", "text": text})
            if carol.expect_event(event="sending", text=text):
                wanted.append(text)
        time.sleep(0.01 * (i * 7 % 12))
        carol.kill()
        dave.kill()
        heard.update(dave.texts())
    carol, dave = Person(server, folder, "carol", "--json"), Person(server, folder, "dave", "--json")
    carol.order(send={"to": "dave", "text": "the end"})
    for person, name in ((carol, "dave"), (dave, "carol")):
        while True:
            event = json.loads(person.lines.get(timeout=PATIENCE_S))
            heard.update([event["text"]] if person is dave and event["event"] == "message" else [])
            if event["event"] == ("sent" if person is carol else "message") and event["text"] == "the end":
                break
        missing = set(wanted) - heard
        if person is dave and missing:
            raise AssertionError(f"never told: {missing}")
        person.order(history={"with": name, "limit": 1000})
        person.order(find="nobody-here")
        told = []
        while True:
            event = json.loads(person.lines.get(timeout=PATIENCE_S))
            if event["event"] == "error":
                break
            if event.get("text", "").startswith("under fire"):
                told.append(event["text"])
        if person is dave and told != wanted or person is carol and sorted(told) != sorted(wanted):
            raise AssertionError(f"{len(wanted)} texts were written, {name}'s peer has {len(told)}: lost {set(wanted) - set(told)}, "
                                 f"twice {[t for t in set(told) if told.count(t) > 1]}")
        person.leave('{"quit": true}')
    yield f"{len(wanted)} texts, clients killed twelve times in the middle: none is lost, none is there twice, the order stays"


def in_terminals(server, folder):
    ann, ben = Terminal(server, folder, "ann", "--register"), Terminal(server, folder, "ben", "--register", columns=120, rows=40)
    ben.say("/profile nickname 本杰明")
    ben.expect("your profile is changed")
    ann.say("/find ben")
    ann.expect("本杰明", "@ben · not a contact")
    ann.say("/add ben Hello from the workshop")
    ann.expect("asked by you")
    ben.expect("1 request", "Hello from the work")
    ben.say("/accept")
    ben.expect("ann is your contact now", "A  ann  @ann")
    ann.expect("本杰明 is your contact now")
    yield "in two terminals one finds and asks; the only request is meant without a name, and opens"

    ben.say("hi Ann")
    ann.expect("    hi Ann")
    ann.say("hello 你好 🦢")
    ann.expect("你好 🦢", "✓")
    ben.expect("hello 你好 🦢")
    yield "they write to each other, and see that texts are on the server"

    ann.type("half a sen")
    server.kill()
    ann.expect("○ cannot reach " + server.address + ": connection refused")
    ann.type("tence")
    ann.keys("Enter")
    ann.expect("half a sentence", "·", "1 to send")
    ann.say("/find nobody-here")
    ann.expect("not while offline: cannot reach " + server.address)
    server.start()
    ann.expect("● online", "✓")
    if ben.expect("    half a sentence").count("    half a sentence") < 1:
        raise AssertionError("the sentence did not arrive")
    time.sleep(1)
    talk = [line for line in ben.page().split("\n") if "half a sentence" in line and "✓" not in line]
    if sum(line.count("half a sentence") for line in talk) - sum("│" in line and line.split("│")[0].count("half a sentence") for line in talk) != 1:
        raise AssertionError("the sentence is there twice:\n" + ben.page())
    yield "what was typed while the server was killed arrives, once"

    ann.say("/block")
    ann.expect("ben is blocked, and is not told", "You have blocked")
    ben.say("can you hear me")
    ben.expect("✗ ", "Ctrl-R sends what failed again")
    ann.say("/unblock")
    ann.expect("no longer blocked")
    ben.keys("C-r")
    ann.expect("    can you hear me")
    yield "who is blocked is refused, is told why, and tries again afterwards"

    cat = Terminal(server, folder, "cat", "--register")
    cat.say("/add ann")
    cat.expect("asked by you")
    ann.expect("1 request")
    ann.keys("C-p")
    ann.expect("Asks to become your contact.")
    ann.keys("a")
    ann.expect("cat is your contact now", "C  cat  @cat")
    cat.leave()
    server.kill()
    ann.expect("○ cannot reach")
    ann.say("/find ben")
    ann.expect("@ben")
    ann.say("for ben alone")
    server.start()
    ben.expect("    for ben alone")
    ann.expect("● online")
    yield "a request is accepted by a key; who is known is found while the server is dead, and gets what is written then"

    ann.type("a draft")
    time.sleep(1)
    ann.resize(60, 20)
    ann.keys("Escape")
    page = ann.expect("Enter open")
    if "│" in page:
        raise AssertionError("two panes in a narrow window:\n" + page)
    ann.keys("C-u", "Enter")
    ann.expect("Esc list", "can you hear me")
    yield "a narrow window shows one pane at a time"

    other = Terminal(server, folder, "ann", "--device", "second", session="other")
    other.expect("本杰明", "for ben alone")
    other.keys("Tab")
    other.expect("half a sentence", "hello 你好 🦢", "hi Ann")
    other.say("from my second device")
    ann.expect("    from my second device")
    ben.expect("    from my second device")
    yield "a second device shows the latest conversations, and what it writes is seen on the first"

    for terminal in (ann, ben, other):
        terminal.leave()
    yield "all end and leave the terminal"


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-chat-"))
    server = Server(folder / "data", *CHEAP)
    passed = failed = 0
    try:
        for story in (by_plain_lines, by_a_wish, by_one_text, by_wrong_words, to_a_new_name, by_a_restored_server, by_killed_clients, in_terminals):
            for sentence in story(server, folder):
                passed += 1
                print("ok:", sentence, flush=True)
    except (AssertionError, queue.Empty, subprocess.CalledProcessError) as e:
        failed = 1
        print("failed:", repr(e) if isinstance(e, queue.Empty) else e)
    for person in Person.everybody:  # who is left after a failure
        person.process.kill()
    subprocess.run(["tmux", "-S", str(folder / "tmux"), "kill-server"], stderr=subprocess.DEVNULL)
    server.end()
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
