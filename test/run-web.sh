#!/usr/bin/env bash
# usage: test/run-web.sh [WORDS]
#
# The page in Debian's Chromium, against a real server (test/web): two people do everything, with and without a network, while the
# server dies; accessibility; how fast it is. With WORDS only those tests whose sentence has them. Pictures for whoever wants to
# look are left in build/screenshots.
set -euo pipefail
# shellcheck source=script/common.sh
. "$(dirname "$0")/../script/common.sh"
export HONGYAN_BUILD=${HONGYAN_BUILD:-$PWD/build/release}
HONGYAN_ONLY=${1:-} exec node test/web/run.mjs
