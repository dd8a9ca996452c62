#!/usr/bin/python3
"""Runs the README's curl tour against a fresh server, word for word: each `$ ` line is a command, the lines below it its output."""
import re, shutil, socket, subprocess, sys, tempfile, time

from product import ROOT, Server

ADDRESS = "127.0.0.1:7600"  # as the README says


def tour():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- tour:.*?-->\n```console\n(.*?)```\n<!-- end of tour -->", text, re.S).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def run_in_bash(commands):
    """One shell for all of them; a marker line ends each command's output."""
    marker = "-- end of a step --"
    script = "".join(f"{c}\nprintf '%s\\n' '{marker}'\n" for c in commands)
    out = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    if out.stderr:
        print(out.stderr, file=sys.stderr)
    return [part.strip("\n").splitlines() for part in out.stdout.split(marker)][: len(commands)]


def port_free():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", 7600))
            return True
        except OSError:
            return False


def main():
    for _ in range(50):
        if port_free():
            break
        time.sleep(0.2)
    else:
        sys.exit("port 7600, which the README's tour uses, is taken by another program; end it and try again")
    data = tempfile.mkdtemp(prefix="hongyan-tour-")
    server = Server(data, listen=ADDRESS)
    failed = 0
    try:
        steps = tour()
        for (command, expected), got in zip(steps, run_in_bash([c for c, _ in steps])):
            if got != expected:
                failed += 1
                print(f"$ {command}\nexpected: {expected}\ngot:      {got}")
    finally:
        server.end()
        shutil.rmtree(data)
    print(f"{len(steps) - min(failed, len(steps))} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
