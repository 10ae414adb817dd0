#!/usr/bin/env bash
# Runs the browser test against the real daemon: a fresh database, a free port, Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-debug}
server=target/$profile/perfwatch-server
if [[ $profile == release ]]; then cargo build --release --locked -p perfwatch-server; else cargo build --locked -p perfwatch-server; fi

state=$(mktemp -d)
log=$state/log
password=$(head -c 18 /dev/urandom | base64)
# Port 0 lets the system choose; the daemon prints the address.
STATE_DIRECTORY=$state PERFWATCH_ADMIN_PASSWORD=$password "$server" --listen 127.0.0.1:0 --interval 1s >"$state/out" 2>"$log" &
daemon=$!
stop() {
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    rm -rf "$state"
}
trap stop EXIT

for _ in $(seq 100); do
    url=$(grep -oE 'http://[0-9.:]+' "$state/out" | head -n 1) && break
    sleep 0.1
done
[[ -n ${url:-} ]] || { echo "the daemon did not start:" >&2; cat "$state/out" "$log" >&2; exit 1; }

cd perfwatch-server/dashboard
[[ -d node_modules ]] || npm ci
PERFWATCH_URL=$url PERFWATCH_USERNAME=admin PERFWATCH_PASSWORD=$password npm run --silent e2e
