#!/usr/bin/env bash
# A real Prometheus scrapes the real daemon with the scrape token; promtool lints what it serves.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/daemon.sh

token=$(mktemp)
chmod 600 "$token"
head -c 32 /dev/urandom | base64 | tr -d '\n' >"$token"
start_daemon --metrics.token-file "$token"

work=$(mktemp -d)
prometheus=
finish() {
    [[ -z $prometheus ]] || { kill "$prometheus"; wait "$prometheus" || true; } 2>/dev/null
    rm -rf "$work" "$token"
    stop_daemon
}
trap finish EXIT

curl() { command curl -fsS --max-time 10 "$@"; }
until curl "$url/readyz" >/dev/null 2>&1; do sleep 0.2; done
curl -H @- "$url/metrics" <<<"Authorization: Bearer $(cat "$token")" >"$work/metrics"
promtool check metrics <"$work/metrics"
echo "promtool: no fault in $(grep -c '^# TYPE' "$work/metrics") metrics"

if command curl -s -o /dev/null -w '%{http_code}' "$url/metrics" | grep -qv 401; then
    echo "/metrics answers without a token" >&2
    exit 1
fi

cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: perfwatch
    authorization: {credentials_file: $token}
    static_configs: [{targets: ["${url#http://}"]}]
YAML
# Prometheus cannot be told to choose a port itself.
port=$(node -e 's = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
    --web.listen-address="127.0.0.1:$port" --log.level=error 2>"$work/log" &
prometheus=$!

query() { curl -G "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" 2>/dev/null || true; }
for _ in $(seq 150); do
    answer=$(query 'up{job="perfwatch"} == 1 and on() count(rate(perfwatch_cpu_user_seconds_total[10s])) == 1')
    if [[ $answer == *'"value"'* ]]; then
        echo "Prometheus $(prometheus --version 2>&1 | grep -oE 'version [0-9.]+' | head -n 1) scrapes it: $answer"
        exit 0
    fi
    sleep 0.2
done
echo "Prometheus did not scrape it within 30 s: $(query 'up')" >&2
cat "$work/log" >&2
exit 1
