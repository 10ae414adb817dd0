#!/usr/bin/env bash
# Runs the browser test against the real daemon, in Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/daemon.sh

start_daemon
cd perfwatch-server/dashboard
[[ -d node_modules ]] || npm ci
PERFWATCH_URL=$url PERFWATCH_USERNAME=admin PERFWATCH_PASSWORD=$password npm run --silent e2e
