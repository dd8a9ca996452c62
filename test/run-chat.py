#!/usr/bin/python3
"""`hongyan chat` as people use it, by pipes: register, find each other, write, and go on when the server is killed in mid-conversation."""
import os, pathlib, queue, shutil, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HONGYAN = pathlib.Path(os.environ.get("HONGYAN_BUILD", ROOT / "build/release")) / "src/main/hongyan"
PATIENCE_S = 30


class Server:
    def __init__(self, data):
        self.data, self.address = data, "127.0.0.1:0"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [HONGYAN, "serve", "--data", self.data, "--listen", self.address, "--password-memory", "8K", "--password-passes", "1",
             "--strangers-may-write"],
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "ready at http://" in line:
                self.address = line.split("http://")[1].strip()
                return
        sys.exit("the server did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Person:
    def __init__(self, server, folder, name, *options):
        secret = folder / "password"
        secret.write_text("a goose flies south\n")
        environment = dict(os.environ, XDG_STATE_HOME=str(folder / "state"))
        self.name, self.lines = name, queue.Queue()
        self.process = subprocess.Popen(
            [HONGYAN, "chat", name, "--server", server.address, "--password-file", secret, *options], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def expect(self, text):
        """The next line that was received, without its time."""
        line = self.lines.get(timeout=PATIENCE_S)
        got = line.split("  ", 1)[-1]
        if got != text:
            raise AssertionError(f"{self.name} expected {text!r} and saw {line!r}")

    def expect_nothing_more(self):
        time.sleep(0.5)
        if not self.lines.empty():
            raise AssertionError(f"{self.name} saw {self.lines.get()!r} too")

    def leave(self):
        self.say("/quit")
        if self.process.wait(timeout=PATIENCE_S) != 0:
            raise AssertionError(f"{self.name}'s client ended with status {self.process.returncode}")


def converse(server, folder):
    carol = Person(server, folder, "carol", "--register")
    dave = Person(server, folder, "dave", "--register")
    time.sleep(1)
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
    carol.leave()
    dave.leave()
    yield "both end well"


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-chat-"))
    server = Server(folder / "data")
    passed = failed = 0
    try:
        for sentence in converse(server, folder):
            passed += 1
            print("ok:", sentence)
    except (AssertionError, queue.Empty) as e:
        failed = 1
        print("failed:", e or "nothing came")
    server.process.terminate()
    if server.process.wait(timeout=PATIENCE_S) != 0:
        failed += 1
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
