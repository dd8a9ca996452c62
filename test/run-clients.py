#!/usr/bin/python3
"""Starts a fresh server and runs each program of test/clients against it: `CLIENT HOST PORT`, whose exit status 0 means that all went as
the documents in proto/ say. They share no code with the server or the SDK.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from product import ROOT, Server



def succeeds(client, port):
    try:
        ended = subprocess.run([client, "127.0.0.1", str(port)], timeout=60, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        print(f"{client.name} did not end")
        return False
    return ended.returncode == 0


def main():
    clients = sorted(path for path in (ROOT / "test/clients").iterdir() if os.access(path, os.X_OK) and path.is_file())
    data = tempfile.mkdtemp(prefix="hongyan-clients-")
    try:
        server = Server(data, "--strangers-may-write")
        try:
            results = [succeeds(client, server.port) for client in clients]
        finally:
            server.end()
    finally:
        shutil.rmtree(data)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return not all(results)


if __name__ == "__main__":
    sys.exit(main())
