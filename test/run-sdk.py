#!/usr/bin/python3
"""The client library as other people use it: installed into an empty folder, its examples built with nothing but pkg-config, and run
against a real server that is killed and started again.
"""
import os, pathlib, queue, re, shutil, subprocess, sys, tempfile, threading, time

from product import BUILD, CHEAP, ROOT, Server

PATIENCE_S = 30
PASSWORD = "a goose flies south"
SENT = (0, "")
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


# ---- installed, built ----

class Installed:
    def __init__(self, folder):
        self.folder = folder
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder, "--tags", "devel,runtime")
        self.library = next(folder.rglob("libhongyan.so"))
        self.header = next(folder.rglob("hongyan.h"))
        self.environment = dict(os.environ, PKG_CONFIG_PATH=str(self.library.parent / "pkgconfig"), PKG_CONFIG_SYSROOT_DIR=str(folder))

    def flags(self, *what):
        return run("pkg-config", *what, "hongyan", env=self.environment).split()

    def build(self, name, output, *static):
        flags = self.flags("--cflags") + ([self.library.parent / "libhongyan.a"] + self.flags("--static", "--libs-only-other") +
                                          [flag for flag in self.flags("--static", "--libs-only-l") if flag != "-lhongyan"]
                                          if static else self.flags("--libs"))
        run("gcc", "-std=c11", *STRICT, "-o", output, ROOT / "sdk/c/examples" / (name + ".c"), *flags)


def declared(header):
    without_comments = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return set(re.findall(r"^(?!typedef).*?\b(hongyan_\w+)\(", without_comments, flags=re.M))


def exported(library, *options):
    return {line.split()[-1] for line in run("nm", *options, "--defined-only", library).splitlines() if re.search(r" [TDBRVW] ", line)}


def check_install(installed, folder):
    for compiler, language, standard in (("gcc", "c", "c11"), ("g++", "c++", "c++11"), ("g++", "c++", "c++20"), ("clang", "c", "c11")):
        if shutil.which(compiler):
            run(compiler, "-std=" + standard, *STRICT, *installed.flags("--cflags"), "-x", language, "-fsyntax-only", "-",
                input="#include <hongyan.h>\n")
    yield "the header stands alone, in C and C++"

    names = declared(installed.header)
    assert exported(installed.library, "-D") == names, exported(installed.library, "-D") ^ names
    assert exported(installed.library.parent / "libhongyan.a", "-g") == names
    yield "both libraries show the functions of the header and nothing else"

    for name in ("echo_bot", "send", "tail"):
        installed.build(name, folder / name)
    installed.build("send", folder / "send-static", "static")
    assert "libhongyan" not in run("readelf", "-d", folder / "send-static")
    yield "the examples build with what pkg-config says"


# ---- run ----

class Program:
    """An example at work; what it prints, line by line."""
    at_work = []

    def __init__(self, folder, *command):
        self.at_work.append(self)
        self.process = subprocess.Popen([folder / command[0], *command[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, LD_LIBRARY_PATH=str(folder.parent / "lib")))
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line.rstrip("\n")) for line in self.process.stdout], daemon=True).start()

    def expect(self, *texts):
        got = []
        while len(got) < len(texts):
            try:
                got.append(self.lines.get(timeout=PATIENCE_S))
            except queue.Empty:
                break
        assert sorted(got) == sorted(texts), got

    def kill(self):
        self.process.kill()
        self.process.wait()


def send(folder, server, text, program="send", to="echo", password=PASSWORD):
    """Its exit status, and what it said of it."""
    ended = subprocess.run([folder / program, server.address, "ann", to, text], input=password + "\n", text=True, timeout=70,
                           stderr=subprocess.PIPE, env=dict(os.environ, LD_LIBRARY_PATH=str(folder.parent / "lib")))
    return ended.returncode, ended.stderr.strip()


def converse(server, folder):
    echo = server.ask("register", name="echo", password=PASSWORD)
    ann = server.ask("register", name="ann", password=PASSWORD)
    bot = Program(folder, "echo_bot", server.address, "echo", PASSWORD, folder / "kept")
    server.ask("request-contact", ticket=ann["ticket"], uin=echo["uin"], greeting="hello, bot")
    tail = Program(folder, "tail", server.address, "ann", PASSWORD)
    deadline = time.monotonic() + PATIENCE_S
    while send(folder, server, "one") != SENT: # until the bot has said yes
        assert time.monotonic() < deadline
        time.sleep(0.2)
    tail.expect("ann: one", "echo: one")
    yield "the bot says yes to who asks, and answers"

    said = send(folder, server, "two", "send-static")
    assert said == SENT, said
    tail.expect("ann: two", "echo: two")
    yield "a program linked statically sends"

    bot.kill()
    said = send(folder, server, "three")
    assert said == SENT, said
    bot = Program(folder, "echo_bot", server.address, "echo", "not the password", folder / "kept")
    tail.expect("ann: three", "echo: three")
    yield "the bot goes on from what it has kept"

    server.kill()
    said = []
    sender = threading.Thread(target=lambda: said.append(send(folder, server, "four")))
    sender.start()
    time.sleep(2)
    server.start()
    sender.join()
    assert said == [SENT], said
    tail.expect("ann: four", "echo: four")
    assert tail.lines.empty(), tail.lines.get()
    yield "a server killed and started again is noticed by nobody"

    status, said = send(folder, server, "five", to="nobody-there")
    assert status == 1 and "nobody-there" in said, said
    status, said = send(folder, server, "six", password="wrong password")
    assert status == 1 and "cannot sign in" in said, said
    yield "what is refused is said, with a status"

    tail.process.stdin.close()
    assert tail.process.wait(timeout=PATIENCE_S) == 0
    bot.kill()
    yield "a client with a thread of its own ends well"


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-sdk-"))
    passed = failed = 0
    server = None

    def steps():
        nonlocal server
        programs = folder / "programs"
        programs.mkdir()
        installed = Installed(folder / "installed")
        (folder / "lib").symlink_to(installed.library.parent)
        yield from check_install(installed, programs)
        server = Server(folder / "data", *CHEAP)
        yield from converse(server, programs)

    try:
        for done in steps():
            print("ok:", done)
            passed += 1
    except (AssertionError, subprocess.SubprocessError, queue.Empty, OSError) as e:
        print("failed after the last step:", repr(e))
        failed = 1
    finally:
        for program in Program.at_work:
            program.kill()
        if server:
            server.kill()
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
