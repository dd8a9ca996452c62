#!/usr/bin/env bash
# The stories of test/conformance that are told to a page, too: the JavaScript library in Chromium, with IndexedDB.
exec "$(dirname "$0")/run-conformance.py" --with page "$@"
