#!/usr/bin/env bash
# Two hosts, one dashboard, for real: two daemons on two hosts that differ in name, in machine id and
# in network interfaces (network namespaces on a bridge), first on one PostgreSQL, then on one
# VictoriaMetrics. Checks that each answers for the other, and takes pictures in a real browser.
#
#   scripts/two-hosts.sh [FOLDER]     # where the pictures go, by default target/two-hosts
#
# Needs root. Nothing outside the namespaces is touched; all that was started or made is ended and
# removed when the script ends, however it does. PROFILE=release takes that build.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $(id -u) == 0 ]] || { echo "network namespaces need root: sudo scripts/two-hosts.sh" >&2; exit 1; }
scripts/test-tools.sh

pictures=$(realpath -m "${1:-target/two-hosts}")
profile=${PROFILE:-debug}
build=(cargo build --locked -p perfwatch-server)
[[ $profile == release ]] && build+=(--release)
[[ -n ${SERVER:-} ]] || "${build[@]}"
server=$(realpath "${SERVER:-target/$profile/perfwatch-server}")
dashboard=perfwatch-server/dashboard
[[ -d $dashboard/node_modules ]] || (cd "$dashboard" && npm ci)

folder=$(mktemp -d)
chmod 711 "$folder"
password=$(head -c 18 /dev/urandom | base64 | tr -dc 'a-zA-Z0-9')
# The one with the bridge has the store and the browser.
middle=perfwatch-$$-store
namespaces=()
processes=()

end_processes() {
    local process
    for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${processes[@]}"; do wait "$process" 2>/dev/null || true; done
    processes=()
}

clean_up() {
    end_processes
    # With a namespace go its interfaces, and so the cables to the others.
    local namespace
    for namespace in "${namespaces[@]}"; do ip netns del "$namespace" || true; done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

make_namespace() {
    ip netns add "$1"
    namespaces+=("$1")
    ip -n "$1" link set lo up
}

# make_host NAME INTERFACE ADDRESS: a namespace with a cable to the bridge.
make_host() {
    local namespace=perfwatch-$$-$1
    make_namespace "$namespace"
    ip -n "$middle" link add "to-$1" type veth peer name "$2" netns "$namespace"
    ip -n "$middle" link set "to-$1" master bridge up
    ip -n "$namespace" addr add "$3/24" dev "$2"
    ip -n "$namespace" link set "$2" up
    tr -d - </proc/sys/kernel/random/uuid >"$folder/$1.machine-id"
}

# Runs as a host: in its network, under its name, with its machine id.
as_host() {
    local name=$1
    shift
    exec ip netns exec "perfwatch-$$-$name" unshare --uts bash -euc '
        hostname "$1"
        for file in /etc/machine-id /var/lib/dbus/machine-id; do
            [[ ! -e $file ]] || mount --bind "$2" "$file"
        done
        exec "${@:3}"' bash "$name" "$folder/$name.machine-id" "$@"
}

# start_daemon NAME ADDRESS STORE; its data lie in $data.
start_daemon() {
    mkdir -p "$data/$1"
    STATE_DIRECTORY=$data/$1 PERFWATCH_ADMIN_PASSWORD=$password PERFWATCH_STORE=$3 \
        as_host "$1" "$server" --listen "$2:8000" --interval 1s \
        >"$data/$1/out" 2>"$data/$1/log" &
    processes+=($!)
    wait_for "the daemon of $1" "$data/$1/log" grep -q http:// "$data/$1/out"
}

# wait_for WHAT LOG COMMAND...
wait_for() {
    local _
    for _ in $(seq 150); do
        "${@:3}" && return
        sleep 0.2
    done
    echo "$1 did not start:" >&2
    cat "$2" >&2
    return 1
}

start_postgres() {
    local programs data=$folder/postgres
    programs=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
    local unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
    mkdir "$data"
    printf %s "$password" >"$data/password"
    chown -R 65534:65534 "$data"
    # PostgreSQL refuses to run as root, and nobody may look into this folder.
    (cd / && "${unprivileged[@]}" "$programs/initdb" --no-sync -U perfwatch -A scram-sha-256 \
        --pwfile "$data/password" -E UTF8 --locale=C.UTF-8 -D "$data/data") >"$data/log"
    echo "host all all 10.77.0.0/24 scram-sha-256" >>"$data/data/pg_hba.conf"
    (cd / && exec ip netns exec "$middle" "${unprivileged[@]}" "$programs/postgres" \
        -D "$data/data" -k "$data" -c listen_addresses=10.77.0.1 >>"$data/log" 2>&1) &
    processes+=($!)
    wait_for PostgreSQL "$data/log" "$programs/pg_isready" -q -h "$data"
    PGPASSWORD=$password "$programs/createdb" -h "$data" -U perfwatch perfwatch
    store="postgres://perfwatch:$password@10.77.0.1/perfwatch?sslmode=disable"
}

start_victoria_metrics() {
    local data=$folder/victoria-metrics
    mkdir "$data"
    ip netns exec "$middle" victoria-metrics -storageDataPath="$data/data" \
        -httpListenAddr=10.77.0.1:8428 -dedup.minScrapeInterval=1ms -retentionPeriod=1y \
        -memory.allowedBytes=256MB >"$data/log" 2>&1 &
    processes+=($!)
    wait_for VictoriaMetrics "$data/log" \
        ip netns exec "$middle" curl -sfo "$data/health" http://10.77.0.1:8428/health
    store=prometheus+http://10.77.0.1:8428
}

make_namespace "$middle"
ip -n "$middle" link add bridge type bridge
ip -n "$middle" addr add 10.77.0.1/24 dev bridge
ip -n "$middle" link set bridge up
make_host web1 eth0 10.77.0.11
make_host db1 ens5 10.77.0.12

for kind in postgres victoria_metrics; do
    echo "=== two hosts on one ${kind/_/-}"
    data=$folder/$kind-daemons
    "start_$kind"
    start_daemon web1 10.77.0.11 "$store"
    start_daemon db1 10.77.0.12 "$store"
    HOSTS='web1=http://10.77.0.11:8000=eth0 db1=http://10.77.0.12:8000=ens5' \
        PERFWATCH_PASSWORD=$password SCREENSHOT_FOLD=1 SCREENSHOT_DIR=$pictures/${kind/_/-} \
        ip netns exec "$middle" node --test "$dashboard/e2e/two-hosts.test.mjs"
    end_processes
done
echo "the pictures are in $pictures"
