#!/usr/bin/python3
"""usage: test/fault/planted.py [--seconds N] [--runs N] [NAME ...]

Proves that the checker finds what it is there to find: builds a server with one bug planted (src/base/planted.h), each into
build/planted/NAME, and lets the checker look for it with seeds 1, 2, ... Prints whether, and after how many seconds, it was found.
Without names: those that a run of real processes can show. Exit status 1 if one was not found.
"""
import argparse
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

NAMES = ["answer_before_sync", "visible_before_durable", "no_duplicate_check", "duplicate_check_not_atomic", "trim_one_too_far",
         "trim_with_no_live_device", "segment_deleted_at_written_position", "overtaking_on_cold_key", "answer_rests_on_pending"]

# Found by another program than the checker.
SCRIPTS = {"trim_with_no_live_device": "damage.py"}


def build(name):
    folder = os.path.join(ROOT, "build/planted", name)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, ROOT, "--buildtype=release", "-Dplanted=" + name], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "src/main/hongyan", "test/fault/powercut-undo"], check=True, stdout=subprocess.DEVNULL)
    return folder


def look(name, folder, options):
    began = time.monotonic()
    for seed in range(1, options.runs + 1):
        run = subprocess.run([os.path.join(HERE, SCRIPTS.get(name, "checker.py")), "--build", folder, "--seed", str(seed), "--short", "--seconds",
                              str(options.seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode:
            lines = run.stdout.split("\n")
            at = next((i for i, line in enumerate(lines) if line.startswith("FAILED")), 0)
            why = next((line.strip() for line in lines[at + 1:] if line), "it ended with status %d" % run.returncode)
            print("%-36s found after %3d s (seed %d): %s" % (name, time.monotonic() - began, seed, why[:120]), flush=True)
            return True
    print("%-36s NOT found in %d s" % (name, time.monotonic() - began), flush=True)
    return False


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--seconds", type=float, default=20)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("names", nargs="*", default=NAMES)
    options = p.parse_args()
    found = [look(name, build(name), options) for name in options.names or NAMES]
    print("%d passed, %d failed" % (found.count(True), found.count(False)))
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
