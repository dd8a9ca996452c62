#!/usr/bin/python3
"""usage: script/test compat

Data folders that earlier releases left (test/compat/data) are served by this one: passwords, tickets and snapshots of then are good, and
everybody finds what there was.
"""
import json
import pathlib
import sys
import tarfile
import tempfile

import compat_server
from product import head, hongyan, post

DATA = pathlib.Path(__file__).resolve().parent / "compat" / "data"
PERMISSION_DENIED, UNAUTHENTICATED = 7, 16


def holds(expected, found):
    """Whether `found` says all that `expected` does; what was added since does not matter."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(k in found and holds(v, found[k]) for k, v in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(holds, expected, found))
    return expected == found


def check(what, expected, found):
    if not holds(expected, found):
        sys.exit("%s: expected %s, found %s" % (what, json.dumps(expected, ensure_ascii=False)[:4000],
                                                json.dumps(found, ensure_ascii=False)[:4000]))


def sign_in(port, person):
    return post(port, "sign-in", {"head": head(device="thawed"), "name": person["name"], "password": person["password"]})


def check_people(port, frozen):
    for p in frozen["people"]:
        who = "%s's %s" % (p["name"], p["device"])
        check(who + ", from nothing", p["entries"], compat_server.sync_all(port, p["ticket"])[0])
        if p["snapshot"]:
            check(who + ", since the snapshot", p["since_snapshot"], compat_server.sync_all(port, p["ticket"], p["snapshot"])[0])
        check(who + ", since the newest snapshot", [], compat_server.sync_all(port, p["ticket"], p["newest_snapshot"])[0])


def check_refused(port, frozen):
    for label, code in (("disabled", PERMISSION_DENIED), ("deleted", UNAUTHENTICATED)):
        person = frozen[label]
        check(label + ": signs in", {"code": code}, sign_in(port, person).get("head"))
        answer = post(port, "sync", {"head": {"ticket": person["ticket"]}})
        check(label + ": the ticket", {"code": UNAUTHENTICATED}, answer.get("head"))


def thaw(archive):
    frozen = json.loads(archive.with_name(archive.name.replace(".tar.xz", ".json")).read_text())
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        data = pathlib.Path(folder) / "data"
        listed = hongyan("kt", "--data", data).stdout
        check("hongyan kt, stopped", True, "name:ann" in listed)
        server = compat_server.serve(data)
        check_people(server.port, frozen)
        check_refused(server.port, frozen)
        server.end()
        server = compat_server.serve(data)  # what this release made of it
        check_people(server.port, frozen)
        for p in frozen["people"]:
            check(p["name"] + " signs in", {"uin": p["uin"]}, sign_in(server.port, p))
        server.end()


def main():
    archives = sorted(DATA.glob("*.tar.xz"))
    for archive in archives:
        thaw(archive)
        print("held:", archive.name)
    print("%d passed, %d failed" % (len(archives), 0 if archives else 1))


main()
