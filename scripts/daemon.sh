# Sourced by scripts that need a running daemon: `start_daemon FLAG...` starts the real one with a
# fresh database on a free port, and sets `url`, `password` and `state`; a `state` that is set already
# is the folder of its database. It is stopped, and its files are removed, when the script ends. SERVER
# names a binary that is built already; otherwise it is built for PROFILE (debug or release).

start_daemon() {
    local profile=${PROFILE:-debug}
    if [[ -z ${SERVER:-} ]]; then
        local build=(cargo build --locked -p perfwatch-server)
        [[ $profile == release ]] && build+=(--release)
        "${build[@]}"
    fi

    state=${state:-$(mktemp -d)}
    password=$(head -c 18 /dev/urandom | base64)
    # Port 0 lets the system choose; the daemon prints the address.
    STATE_DIRECTORY=$state PERFWATCH_ADMIN_PASSWORD=$password \
        "${SERVER:-target/$profile/perfwatch-server}" --listen 127.0.0.1:0 --interval 1s "$@" \
        >"$state/out" 2>"$state/log" &
    daemon=$!
    trap stop_daemon EXIT

    url=
    for _ in $(seq 100); do
        url=$(grep -oE 'http://[0-9.:]+' "$state/out" | head -n 1) && return
        sleep 0.1
    done
    echo "the daemon did not start:" >&2
    cat "$state/out" "$state/log" >&2
    return 1
}

stop_daemon() {
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    rm -rf "$state"
    state=
}
