#!/usr/bin/env bash
# Power cuts, kills, cut links and failing disks against the real server: fault/checker.py, then fault/damage.py. Options go to the
# checker. --help tells them.
set -euo pipefail
cd "$(dirname "$0")/fault"
export PYTHONDONTWRITEBYTECODE=1
if [ $# -gt 0 ]; then
	exec ./checker.py "$@"
fi
./checker.py
