#!/usr/bin/python3
"""Starts a fresh server and runs each program of test/clients against it: `CLIENT HOST PORT`, whose exit status 0 means that all went as
the documents in proto/ say. They share no code with the server or the SDK.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HONGYAN = pathlib.Path(os.environ.get("HONGYAN_BUILD", ROOT / "build/release")) / "src/main/hongyan"


def start_server(data):
    """The server and its port."""
    server = subprocess.Popen([HONGYAN, "serve", "--data", data, "--listen", "127.0.0.1:0", "--strangers-may-write"], stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if ready := re.match(r"Hongyan is ready at http://127\.0\.0\.1:(\d+)", line):
            return server, ready.group(1)
    sys.exit("the server did not start")


def succeeds(client, port):
    try:
        ended = subprocess.run([client, "127.0.0.1", port], timeout=60, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        print(f"{client.name} did not end")
        return False
    return ended.returncode == 0


def main():
    clients = sorted(path for path in (ROOT / "test/clients").iterdir() if os.access(path, os.X_OK) and path.is_file())
    data = tempfile.mkdtemp(prefix="hongyan-clients-")
    results = []
    try:
        server, port = start_server(data)
        try:
            results = [succeeds(client, port) for client in clients]
        finally:
            server.terminate()
            results.append(server.wait(timeout=20) == 0)
        if not results[-1]:
            print("the server did not end well")
    finally:
        shutil.rmtree(data)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
