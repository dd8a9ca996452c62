"""What freezing and thawing data folders share: a server with small files, and sync as a client does it."""
import sys
import time

import product
from product import hongyan, post

# What was frozen is old one day: nothing may go because of its age.
OPTIONS = (*product.CHEAP, "--metrics", "off", "--segment", "1M", "--memory", "4M", "--log", "8M", "--disk-reserve", "16M",
           "--retain-days", "3650", "--inbox-days", "3650", "--loops", "2")


def serve(data):
    return product.Server(data, *OPTIONS)


def sync_all(port, ticket, snapshot=""):
    """All entries since a snapshot, and the newest one. The newest is not brought, so nothing is acknowledged by it."""
    entries = []
    while True:
        request = {"head": {"ticket": ticket}}
        if snapshot:
            request["snapshot"] = snapshot
        answer = post(port, "sync", request)
        assert not answer.get("head", {}).get("code"), answer
        entries += answer.get("entries", [])
        snapshot = answer["snapshot"]
        if not answer.get("more"):
            return entries, snapshot


def wait_until_moved(server):
    for _ in range(200):
        figures = dict(line.split()[:2] for line in hongyan("mon", "--once", "--data", server.data).stdout.splitlines() if len(line.split()) == 2)
        if int(figures["kt_durable_pos"]) > 0 and figures["kt_durable_pos"] == figures["kt_moved_pos"]:
            return
        time.sleep(0.1)
    sys.exit("the mover did not come")
