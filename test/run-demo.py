#!/usr/bin/python3
"""`hongyan serve --demo`: an empty data folder gets users with contacts and conversations, once, whatever it is killed in; /server.json
names them; a folder that has users stays as it is; and no folder with demo users is ever shown to other machines.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import product
from compat_server import sync_all
from product import CHEAP, HONGYAN, Server, hongyan

PASSWORD = "demo-goose"
NAMES = ["ann", "ben", "meilin", "wei", "sofia", "otto"]
KILLS = 8


def info(server, want=200):
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    link.request("GET", "/server.json")
    answer = link.getresponse()
    body = answer.read()
    assert answer.status == want and answer.headers["Cache-Control"] == "no-store", answer.status
    assert answer.headers["Content-Type"] == "application/json"
    return json.loads(body)


def all_of(server, name):
    """What the user's devices see: texts in their order, contacts by name, the own profile."""
    ticket = server.ask("sign-in", name=name, password=PASSWORD, device="look")["ticket"]
    devices = server.ask("list-devices", ticket=ticket, device="look")["devices"]
    entries, _ = sync_all(server.port, ticket)
    texts = [(e["body"]["fromName"], e["body"]["text"]) for e in entries if e["kind"] == "SYNC_KIND_MESSAGE"]
    contacts = {e["body"]["name"]: e["body"] for e in entries if e["kind"] == "SYNC_KIND_CONTACT"}
    me = [e["body"] for e in entries if e["kind"] == "SYNC_KIND_ACCOUNT" and e["type"] == 1]
    return {"texts": texts, "contacts": contacts, "me": me[-1], "devices": [d["device"] for d in devices]}


def look(server):
    """All users; what differs from folder to folder is left out."""
    seen = {name: all_of(server, name) for name in NAMES}
    for person in seen.values():
        for name in ("uin", "createdMs"):
            person["me"].pop(name, None)
        for contact in person["contacts"].values():
            for name in ("uin", "askedMs", "version"):
                contact.pop(name, None)
    return seen


def is_lively(seen):
    ann = seen["ann"]
    assert ann["devices"] == ["look"], ann["devices"]
    relations = {name: contact["relation"] for name, contact in ann["contacts"].items()}
    assert relations.pop("otto") == "RELATION_INCOMING" and "barnacle geese" in ann["contacts"]["otto"]["greeting"]
    assert relations == {name: "RELATION_CONTACT" for name in ("ben", "meilin", "wei", "sofia")}, relations
    assert ann["contacts"]["ben"]["remark"] == "Ben (hiking)" and ann["contacts"]["meilin"]["remark"] == "美琳"
    assert len({name for name, _ in ann["texts"]}) == 5 and len(ann["texts"]) >= 30, len(ann["texts"])
    texts = [text for _, text in ann["texts"]]
    assert any(len(text) > 250 for text in texts) and any("https://" in text for text in texts)
    assert any("鸿雁" in text for text in texts) and any("☕" in text for text in texts)
    assert len(texts) == len(set(texts)), "something was sent twice"
    for name, person in seen.items():
        assert person["me"]["nickname"] and person["me"]["region"] and person["me"]["avatarColour"], name
        assert person["texts"] and person["contacts"], name


def once(folder):
    """Made; shown again; without --demo not named; the same after a backup."""
    server = Server(folder / "data", "--demo", *CHEAP)
    assert f"sign in as ann, ben, meilin, wei, sofia or otto; the password of each is {PASSWORD}" in server.said()
    assert info(server) == {"version": hongyan("--version").stdout.split()[1], "registration": "open",
                            "demo": [{"name": name, "password": PASSWORD} for name in NAMES]}
    seen = look(server)
    is_lively(seen)
    server.end()
    server.start()
    assert len(info(server)["demo"]) == len(NAMES) and look(server) == seen
    hongyan("backup", "--data", folder / "data", folder / "copy")
    server.end()
    server.options = CHEAP
    server.start()
    assert "demo" not in info(server) and look(server) == seen
    server.end()
    assert "goose" not in hongyan("doctor", "--data", folder / "data", want=None).stdout
    hongyan("restore", folder / "copy", "--data", folder / "restored")
    for data in ("data", "restored"):
        never_open(folder / data)
    return seen


def refused(*options):
    ended = subprocess.run([HONGYAN, "serve", "--check", "--metrics", "off", *options], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1, (options, ended)
    return ended.stderr


def never_open(data):
    """A folder with demo users, and --demo, at an address that others can reach."""
    for demo in ([], ["--demo"]):
        for how in (["--listen", "*:0"], ["--listen", "127.0.0.1:0,0.0.0.0:0", "--allow-plain"],
                    ["--listen", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1"]):
            said = refused("--data", data, *how, *demo)
            assert "everybody knows" in said and "127.0.0.1:7600" in said, said


def killed(folder, seen):
    """Again with a new folder when it was done before it was killed: on a busy machine, that is who kills may come late."""
    for i in range(20):
        if lives := killed_in(folder / f"killed-{i}", seen):
            print(f"run-demo: killed {lives} times in the middle")
            return
    raise AssertionError("it was never killed in the middle")


def killed_in(data, seen):
    """Each life comes a little further; what is there in the end is the same, and nothing twice. How many ended in the middle."""
    lives = 0
    with tempfile.TemporaryFile() as output:
        for life in range(KILLS):
            process = subprocess.Popen([HONGYAN, "serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics", "off", "--demo", *CHEAP],
                                       stdout=output, stderr=output)
            while os.pread(output.fileno(), 1 << 20, 0).count(b"ready at") <= life:
                time.sleep(0.001)
            time.sleep(life * 0.005)
            lives += (data / "demo").exists() and (data / "demo").read_text().endswith("begun\n")
            process.kill()
            process.wait()
    server = Server(data, "--demo", *CHEAP)
    assert (data / "demo").read_text().endswith(" made\n")
    found = look(server)
    for person in found.values():  # of a life that was killed between the mark and the last sign-out
        person["devices"] = [device for device in person["devices"] if device != "demo"]
    assert found == seen
    server.end()
    return lives


def others(folder):
    """A folder that has users, and who may register."""
    server = Server(folder / "others", *CHEAP)
    assert info(server) == {"version": info(server)["version"], "registration": "open"}
    assert "start it with --demo" in server.said()
    server.ask("register", name="ann", password="another goose", device="phone")
    server.end()
    server.options = ("--demo", *CHEAP)
    server.start()
    assert re.search(r"--demo: \S+ has users; demo users are made in a folder that has none", server.said()), server.said()
    assert server.said().count("start it with --demo") == 1
    assert "demo" not in info(server) and not (folder / "others" / "demo").exists()
    server.ask("sign-in", name="ann", password="another goose", device="phone")
    server.ask("sign-in", 16, name="ann", password=PASSWORD, device="other")
    server.end()
    for registration in ("invitation", "off"):
        server.options = ("--registration", registration, *CHEAP)
        server.start()
        assert info(server)["registration"] == registration
        server.end()
    assert "--registration" in refused("--demo", "--registration", "off", "--data", folder / "none", "--listen", "127.0.0.1:0")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hongyan-demo-"))
    try:
        seen = once(folder)
        killed(folder, seen)
        others(folder)
    finally:
        shutil.rmtree(folder)
    print("run-demo: made once, killed and completed, never shown to others")


main()
