#!/usr/bin/python3
"""The page as the program hands it out: each file's headers, gzip and plain alike, 304, HEAD, pipelining, a reader on a slow line; that all
is there that the page names; that a strict Content-Security-Policy forbids nothing it has; and that what it loads first is small.
"""
import gzip
import hashlib
import http.client
import json
import re
import shutil
import socket
import sys
import tempfile
import time
import traceback
from html.parser import HTMLParser

from product import CHEAP, Server

FIRST_LOAD_MAX = 120_000  # bytes by gzip: scripts and styles that index.html names, and what these import at once
FOREVER = "public, max-age=31536000, immutable"
TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml; charset=utf-8",
         "png": "image/png", "webmanifest": "application/manifest+json; charset=utf-8", "txt": "text/plain; charset=utf-8",
         "html": "text/html; charset=utf-8", "/": "text/html; charset=utf-8"}


class Names(HTMLParser):
    """What index.html loads, and what a strict policy would forbid it."""

    def __init__(self):
        super().__init__()
        self.scripts, self.styles, self.others, self.forbidden = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.forbidden += [f"<{tag} {name}>" for name in attrs if name == "style" or name.startswith("on")]
        if tag == "script":
            if attrs.get("src"):
                self.scripts.append(attrs["src"])
            else:
                self.forbidden.append("a script inside the page")
        elif tag == "style":
            self.forbidden.append("a style inside the page")
        elif tag == "link":
            kind = attrs.get("rel", "").split()
            into = self.styles if "stylesheet" in kind else self.scripts if "modulepreload" in kind else self.others
            into.append(attrs["href"])
        elif attrs.get("src"):
            self.others.append(attrs["src"])


class Page:
    def __init__(self, port):
        self.port = port
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path, method="GET", **headers):
        """(status, headers, body)"""
        self.link.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.link.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def names(self):
        names = Names()
        names.feed(self.get("/")[2].decode())
        return names

    def paths(self):
        """Every file: those that index.html names, and those that they name in turn."""
        names = self.names()
        found = ["/", "/index.html", "/licences.txt"]
        queue = names.scripts + names.styles + names.others
        while queue:
            path = queue.pop()
            if path in found:
                continue
            found.append(path)
            queue += self.named_by(path)
        return found

    def named_by(self, path):
        text = self.get(path)[2].decode(errors="replace")
        if path.endswith(".webmanifest"):
            return [icon["src"] for icon in json.loads(text).get("icons", [])]
        if path.endswith(".js"):  # other scripts and styles, by the names that the build gives them
            return ["/assets/" + name for name in re.findall(r'["\'`](?:\./|/?assets/)([\w.-]+\.(?:js|css))["\'`]', text)]
        if path.endswith(".css"):
            return [name for name in re.findall(r'url\(["\']?(/[^"\')]+)', text)]
        return []


def test_front(page):
    status, headers, body = page.get("/")
    assert status == 200 and b"<!doctype html>" in body.lower(), (status, body[:200])
    assert page.get("/index.html")[2] == body and page.get("/?invited")[2] == body
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
                 "form-action 'none'", "frame-ancestors 'none'"):
        assert part in policy.split("; "), policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy, policy
    assert headers["referrer-policy"] == "no-referrer" and "permissions-policy" in headers


def test_nothing_forbidden(page):
    names = page.names()
    assert names.scripts and names.styles, "the page has scripts and styles"
    assert not names.forbidden, names.forbidden
    elsewhere = [path for path in page.paths() if not re.fullmatch(r"/[\w./-]*", path)]
    assert not elsewhere, f"from elsewhere: {elsewhere}"


def test_every_file(page):
    paths = page.paths()
    for path in paths:
        status, headers, body = page.get(path)
        assert status == 200, f"{path}: {status}"
        assert headers["content-type"] == TYPES[path.rpartition(".")[2]], (path, headers["content-type"])
        assert int(headers["content-length"]) == len(body) > 0, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert "content-security-policy" in headers, path
        assert headers["cache-control"] == (FOREVER if path.startswith("/assets/") else "no-cache"), (path, headers)
        assert "content-encoding" not in headers and "set-cookie" not in headers, path
    assert sum(path.startswith("/assets/") for path in paths) >= 2, paths


def test_gzip(page):
    for path in page.paths():
        _, plain_headers, plain = page.get(path)
        _, headers, body = page.get(path, Accept_Encoding="gzip, deflate, br")
        if "vary" not in plain_headers:
            assert body == plain and "content-encoding" not in headers, path
            continue
        assert plain_headers["vary"] == headers["vary"] == "Accept-Encoding", path
        assert headers["content-encoding"] == "gzip" and gzip.decompress(body) == plain, path
        assert len(body) < len(plain) and int(headers["content-length"]) == len(body), path
        assert headers["etag"] != plain_headers["etag"], path
        assert page.get(path, Accept_Encoding="gzip;q=0")[2] == plain, path


def test_unchanged(page):
    for path in page.paths():
        for coding in ("identity", "gzip"):
            tag = page.get(path, Accept_Encoding=coding)[1]["etag"]
            status, headers, body = page.get(path, If_None_Match=f'"other", W/{tag}', Accept_Encoding=coding)
            assert (status, body, headers["etag"]) == (304, b"", tag), (path, status, headers)
            assert "content-length" not in headers and "cache-control" in headers, (path, headers)
            assert page.get(path, If_None_Match='"other"', Accept_Encoding=coding)[0] == 200, path


def test_head(page):
    for path in page.paths():
        for coding in ("identity", "gzip"):
            got = page.get(path, Accept_Encoding=coding)
            assert page.get(path, "HEAD", Accept_Encoding=coding) == (200, got[1], b""), path


def test_no_such_file(page):
    for path in ("/nothing", "/assets/", "/assets/index.js", "/assets/../index.html", "/index.html/", "//", "/licences.txt%00", "/%2e%2e/etc"):
        status, headers, body = page.get(path)
        assert (status, headers["content-type"], body) == (404, "text/plain; charset=utf-8", b"not found\n"), (path, status)
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert page.get("/", method)[0] == 405, method


def test_pipelined(page):
    """Files and a call, asked for at once: all come, in their order."""
    paths = page.paths()
    call = b'POST /cgi-bin/sync HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"head": {}}'
    asked = b"".join(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode() for path in paths)
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as link:
        link.sendall(asked + call + asked)
        stream = link.makefile("rb")
        for path in paths + [None] + paths:
            head = {}
            assert stream.readline().startswith(b"HTTP/1.1 200 "), path
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.decode().partition(":")
                head[name.lower()] = value.strip()
            body = stream.read(int(head["content-length"]))
            assert path is None or hashlib.sha256(body).digest() == hashlib.sha256(page.get(path)[2]).digest(), path
            assert path is not None or b'"code"' in body


def test_slow_line(page):
    """The longest file, through a narrow window, is whole; others are not kept waiting meanwhile."""
    path = max(page.paths(), key=lambda p: len(page.get(p)[2]))
    want = page.get(path)[2]
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.settimeout(30)
        link.connect(("127.0.0.1", page.port))
        link.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        got = b""
        while piece := link.recv(8192):
            got += piece
            if len(got) < 200_000:
                time.sleep(0.005)
            if len(got) < 50_000:  # who were kept waiting would wait for ever: nobody reads meanwhile
                assert page.get("/")[0] == 200
    assert got.partition(b"\r\n\r\n")[2] == want


def test_first_load(page):
    """Also what the scripts import statically, which a browser fetches before the first line of the page runs."""
    names, seen = page.names(), []
    queue = names.scripts + names.styles
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.append(path)
            text = page.get(path)[2].decode()
            queue += ["/assets/" + name for name in re.findall(r'(?:\bfrom|\bimport)\s*["\']\./([\w.-]+\.js)["\']', text)] \
                if path.endswith(".js") else []
    sizes = {path: len(page.get(path, Accept_Encoding="gzip")[2]) for path in seen}
    for path, size in sorted(sizes.items()):
        print(f"{size:7d} {path}")
    print(f"{sum(sizes.values()):7d} bytes by gzip are loaded first; at most {FIRST_LOAD_MAX}")
    assert sum(sizes.values()) <= FIRST_LOAD_MAX


def test_licences(page):
    text = page.get("/licences.txt")[2].decode()
    for package in ("preact ", "@preact/signals ", "@bufbuild/protobuf "):
        assert re.search("^" + re.escape(package), text, re.M), package


def main():
    data = tempfile.mkdtemp(prefix="hongyan-page-")
    server = Server(data + "/data", *CHEAP, "--metrics", "off")
    passed = failed = 0
    try:
        for test in (test_front, test_nothing_forbidden, test_every_file, test_gzip, test_unchanged, test_head, test_no_such_file,
                     test_pipelined, test_slow_line, test_first_load, test_licences):
            try:
                test(Page(server.port))
                passed += 1
            except Exception as e:  # pylint: disable=broad-except
                failed += 1
                where = traceback.extract_tb(e.__traceback__)[-1]
                print(f"failed: {test.__name__[5:]}: {type(e).__name__}: {e}; line {where.lineno}: {where.line}")
        server.end()
    finally:
        server.kill()
        shutil.rmtree(data)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
