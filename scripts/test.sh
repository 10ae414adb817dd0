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
browser=$(grep -aE '(#|ℹ) pass' "$logs/browser" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }')
for count in "$rust" "$unit" "$browser"; do
    [[ ${count:-0} -gt 0 ]] || { echo "a part ran no test: rust=$rust dashboard=$unit browser=$browser" >&2; exit 1; }
done
# Every store keeps one contract, each on the real thing.
printf '\n%-20s %s\n' "contract on" "tests"
declare -A stores=([memory]="memory" [sqlite_file]="SQLite" [sqlite_sealed]="SQLite, sealed"
    [postgres]="PostgreSQL" [victoria_metrics]="VictoriaMetrics" [prometheus]="Prometheus")
for store in memory sqlite_file sqlite_sealed postgres victoria_metrics prometheus; do
    count=$(grep -acE "^test $store::[a-z0-9_]+ [.]{3} ok$" "$logs/rust" || true)
    [[ $count -gt 0 ]] || { echo "the contract was not tried on ${stores[$store]}" >&2; exit 1; }
    printf '%-20s %5d\n' "${stores[$store]}" "$count"
done
printf '\nRust tests       %5d\ndashboard tests  %5d\nbrowser tests    %5d\n\n' "$rust" "$unit" "$browser"
echo "$((rust + unit + browser)) passed, 0 failed"
