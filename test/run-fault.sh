#!/usr/bin/env bash
# usage: script/test fault [option ...]
#
# Kills, power cuts, cut links (fault/checker.py), then damaged logs and failing disks (fault/damage.py) against the real server.
# With options only the checker runs; --help tells them.
set -euo pipefail
cd "$(dirname "$0")/fault"
export PYTHONDONTWRITEBYTECODE=1
[ $# -eq 0 ] || exec ./checker.py "$@"
passed=0
./checker.py && passed=1
said=$(./damage.py) || true
printf '%s\n' "$said"
tally=$(tail -n 1 <<<"$said" | grep -xE '[0-9]+ passed, [0-9]+ failed' || echo "0 passed, 1 failed")
read -r more _ failed _ <<<"$tally"
echo "$((passed + more)) passed, $((1 - passed + failed)) failed"
