#!/usr/bin/python3
"""Runs the README's curl tour against a fresh server, word for word and twice: what each line prints stands below it, after `#> `."""
import os, re, shutil, subprocess, sys, tempfile

from product import CHEAP, ROOT, Server


def tour():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- tour:.*?-->\n```bash\n(.*?)```\n<!-- end of tour -->", text, re.S).group(1)
    steps = []
    for line in block.splitlines():
        if line.startswith("#> "):
            steps[-1][1].append(line[3:])
        else:
            steps.append((line, []))
    return steps


def run_in_bash(commands, address):
    """One shell for all of them; a marker line ends each command's output."""
    marker = "-- end of a step --"
    script = "".join(f"{c}\nprintf '%s\\n' '{marker}'\n" for c in commands)
    out = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, env={**os.environ, "server": address})
    if out.stderr:
        print(out.stderr, file=sys.stderr)
    return [part.strip("\n").splitlines() for part in out.stdout.split(marker)][: len(commands)]


def main():
    data = tempfile.mkdtemp(prefix="hongyan-tour-")
    server = Server(data, *CHEAP)
    steps = 2 * tour()
    half, passed = len(steps) // 2, 0
    try:
        for part in steps[:half], steps[half:]:
            for (command, expected), got in zip(part, run_in_bash([c for c, _ in part], f"http://{server.address}")):
                passed += got == expected
                if got != expected:
                    print(f"{command}\nexpected: {expected}\ngot:      {got}")
    finally:
        server.end()
        shutil.rmtree(data)
    print(f"{passed} passed, {len(steps) - passed} failed")
    return passed != len(steps)


if __name__ == "__main__":
    sys.exit(main())
