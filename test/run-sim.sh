#!/usr/bin/env bash
# usage: test/run-sim.sh [SECONDS]
#
# The simulation (test/sim): every seed that once found a bug, then a minute of new seeds, then the same seeds in builds by other compilers
# and under the sanitizers, which must go the same way. New seeds begin at a number made from the commit, so that each commit has its own,
# and the same commit the same.
set -euo pipefail
# shellcheck source=script/common.sh
. "$(dirname "$0")/../script/common.sh"
seconds=${1:-60}
program=${HONGYAN_BUILD:-build/release}/test/sim/hongyan-sim
passed=0
failed=0

# check SENTENCE COMMAND...: counts it; shows the end of what it printed when it fails.
check() {
	local sentence=$1 output
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'failed: %s\n' "$sentence"
		tail -n 40 <<<"$output"
	fi
}

# The hash is the last line of a run.
hash_of() {
	"${@:2}" "$1" run "$seed" 2>/dev/null | tail -n 1
}

# same PROGRAM [WRAPPER...]: goes the same way as the release build.
same() {
	local expected actual
	expected=$(hash_of "$program")
	actual=$(hash_of "$@")
	echo "seed $seed: $expected in the release build, $actual by $1"
	[ -n "$expected" ] && [ "$expected" = "$actual" ]
}

while read -r seed what; do
	case "$seed" in
	'' | '#'*) continue ;;
	esac
	check "seed $seed, which once found: $what" "$program" run "$seed"
done <test/sim/seeds.txt

commit=$(git rev-parse --short=8 HEAD 2>/dev/null || echo 1)
base=$(((16#$commit % 100000000) * 100000))
echo "new seeds from $base"
check "$seconds seconds of new seeds" "$program" sweep "$base" 100000 --seconds "$seconds" --twice-every 10

others=()
CC=gcc setup_build build/test --buildtype=debug -Doptimization=1 -Db_sanitize=address,undefined
build build/test test/sim/hongyan-sim
others+=(build/test/test/sim/hongyan-sim)
if command -v clang >/dev/null; then
	CC=clang setup_build build/clang --buildtype=release
	build build/clang test/sim/hongyan-sim
	others+=(build/clang/test/sim/hongyan-sim)
fi
# Kernels that scatter mappings widely put some where gcc 12's sanitizers do not expect any.
unscattered=()
! setarch "$(uname -m)" -R true 2>/dev/null || unscattered=(setarch "$(uname -m)" -R)
for other in "${others[@]}"; do
	for seed in 1 2 3 "$base" $((base + 1)) $((base + 2)); do
		check "seed $seed goes another way in $other" same "$other" "${unscattered[@]}"
	done
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
