#!/usr/bin/python3
"""What the page's build does not look at: types of web/ and of how it is built, its unit tests, and the looks of all TypeScript, JavaScript,
CSS and HTML. The library's own checks are run-sdkjs.py's.
"""
import re
import subprocess
import sys

from product import ROOT


def run(*command):
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def check_looks():
    """script/format"""
    run("script/format", "--check", "--web")


def check_types():
    """types of the page"""
    run("node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", "web")


def check_build_types():
    """types of how it is built"""
    run("node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", "web/tsconfig.build.json")


def check_units():
    """the page's unit tests"""
    said = run("node", "web/test/run.mjs")
    assert re.search(r"^(# |ℹ )pass [1-9]", said, re.M) and re.search(r"^(# |ℹ )skipped 0$", said, re.M), said[-3000:]


def main():
    passed = failed = 0
    for check in (check_looks, check_types, check_build_types, check_units):
        try:
            check()
            passed += 1
        except (AssertionError, subprocess.SubprocessError) as e:
            failed += 1
            print(f"failed: {check.__doc__}:\n{e}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
