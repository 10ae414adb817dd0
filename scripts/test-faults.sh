#!/usr/bin/env bash
# Breaks what a store stands on, as often as it takes to believe it: kills, power cuts, full disks,
# flipped bits, torn and foreign files, many daemons, turned clocks, stores that are away. `make test-faults` calls it.
# It needs root, for it mounts file systems of its own (see the error of whatever is missing).
set -euo pipefail
cd "$(dirname "$0")/.."

for program in python3 mkfs.ext4 mount umount setpriv ip; do
    command -v "$program" >/dev/null || {
        echo "$program is missing: install the Debian packages python3, e2fsprogs, mount, util-linux and iproute2" >&2
        exit 1
    }
done
[[ $(id -u) == 0 ]] || { echo "power cuts and full disks need root: run make test-faults as root" >&2; exit 1; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
# One at a time: each measures times, and has the machine for itself.
PERFWATCH_FAULTS=full cargo test --locked -p perfwatch-store -p perfwatch-server --test faults --no-fail-fast \
    -- --nocapture --test-threads=1 2>&1 | tee "$log" | grep -aE '^(test |error|thread )' || true
grep -aqE '^test result: FAILED|^error' "$log" && failed=1
lines=$(grep -acE '^fault' "$log" || true)
[[ $lines -ge 31 ]] || { echo "only $lines of 31 faults said what was seen" >&2; failed=1; }

printf '\n'
grep -aE '^fault' "$log" | awk -F'\t' '
    BEGIN { print "| fault | how often | what was seen |\n|---|---|---|" }
    { printf "| %s | %s | %s |\n", $2, $3, $4 }'
if [[ $failed == 1 ]]; then
    printf '\n'
    grep -aE -A 4 'panicked at' "$log" >&2 || true
    exit 1
fi
