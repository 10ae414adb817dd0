#!/usr/bin/env bash
# Checks the systemd unit as systemd itself reads it: no error, and an exposure of at most 2.0.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=2.0

# `verify` wants the program to exist; a link stands for the installed one.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
sed "s|^ExecStart=.*|ExecStart=/bin/true|" deploy/perfwatch.service >"$root/perfwatch.service"
systemd-analyze verify "$root/perfwatch.service"
exposure=$(systemd-analyze security --offline=true --no-pager deploy/perfwatch.service | grep -oE 'level for [^:]*: [0-9.]+' | grep -oE '[0-9.]+$')
echo "exposure $exposure, at most $limit"
awk -v got="$exposure" -v limit="$limit" 'BEGIN { exit !(got <= limit) }'
