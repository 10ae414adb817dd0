#!/usr/bin/env bash
# Runs every test of the project and says how many ran in each part. `make test` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/test-tools.sh

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
part() { printf '\n=== %s\n' "$1"; }

part "dashboard: packages, types, unit tests"
(cd perfwatch-server/dashboard && npm ci && npm run format:check && npm run generate -- --check && npm run typecheck && npm test) 2>&1 | tee "$logs/dashboard"

part "formatting"
cargo fmt --all --check

part "clippy, warnings are errors"
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo clippy -p perfwatch-server --no-default-features --locked -- -D warnings

part "Rust tests"
cargo test --workspace --locked 2>&1 | tee "$logs/rust"

# The Rust tests have built the daemon; what follows uses that one.
export SERVER=target/debug/perfwatch-server

part "systemd unit"
scripts/check-unit.sh

part "Prometheus scrapes the daemon"
scripts/prometheus-test.sh

part "browser"
scripts/browser-test.sh 2>&1 | tee "$logs/browser"

sum() { grep -aoE "$1" "$logs/$2" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }
rust=$(sum 'ok\. [0-9]+ passed' rust)
unit=$(sed 's/\x1b\[[0-9;]*m//g' "$logs/dashboard" | grep -aE '^ *Tests ' | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+')
browser=$(sum '(#|ℹ) pass [0-9]+' browser)
for count in "$rust" "$unit" "$browser"; do
    [[ ${count:-0} -gt 0 ]] || { echo "a part ran no test: rust=$rust dashboard=$unit browser=$browser" >&2; exit 1; }
done
printf '\nRust tests       %5d\ndashboard tests  %5d\nbrowser tests    %5d\n\n' "$rust" "$unit" "$browser"
echo "$((rust + unit + browser)) passed, 0 failed"
