#!/usr/bin/env bash
# Runs the browser tests against the real daemon, in Chromium: many hosts in one store, then one.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/daemon.sh

profile=${PROFILE:-debug}
build=(cargo build --locked -p perfwatch-server -p perfwatch-cli)
[[ $profile == release ]] && build+=(--release)
"${build[@]}"
SERVER=${SERVER:-target/$profile/perfwatch-server}
dashboard=perfwatch-server/dashboard
[[ -d $dashboard/node_modules ]] || (cd "$dashboard" && npm ci)

run_test() {
    PERFWATCH_URL=$url PERFWATCH_USERNAME=admin PERFWATCH_PASSWORD=$password \
        npm run --silent --prefix "$dashboard" "$1"
}

# with_hosts TEST [fleet]: a test on a store that has other hosts too.
with_hosts() {
    state=$(mktemp -d)
    node "$dashboard/e2e/other-hosts.mjs" "${@:2}" |
        "target/$profile/perfwatch" store import - "$state/perfwatch.db" --format jsonl
    start_daemon
    run_test "$1"
    stop_daemon
}

with_hosts e2e:hosts
[[ -z ${SCREENSHOT_DIR:-} ]] || with_hosts e2e:fleet fleet

start_daemon
run_test e2e
