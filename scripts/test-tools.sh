#!/usr/bin/env bash
# Makes sure that everything the tests need is there. On Debian as root it installs what is
# missing; elsewhere it says what to install and fails. Nothing is skipped.
set -euo pipefail

# program -> Debian package
declare -A packages=(
    [chromium]=chromium
    [openssl]=openssl
    [prometheus]=prometheus
    [promtool]=prometheus
    [strace]=strace
    [mpstat]=sysstat
    [cc]=gcc
    [curl]=curl
    [faketime]=faketime
    [ip]=iproute2
    [make]=make
    [mkfs.ext4]=e2fsprogs
    [mount]=mount
    [postgres]=postgresql
    [python3]=python3
    [setpriv]=util-linux
    [systemd-analyze]=systemd
    [unshare]=util-linux
    [victoria-metrics]=victoria-metrics
)

# Whether a program is there. Debian keeps those of PostgreSQL out of the way.
is_there() {
    command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

missing=()
for program in "${!packages[@]}"; do
    is_there "$program" || missing+=("${packages[$program]}")
done

if ((${#missing[@]})); then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing for the tests: ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        # A package's own service is not wanted here, only its program.
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        apt-get install -y -qq --no-install-recommends "${missing[@]}"
    else
        echo "the tests need these Debian packages: ${missing[*]}" >&2
        echo "install them, or run as root on Debian to have them installed" >&2
        exit 1
    fi
fi
for program in "${!packages[@]}"; do
    is_there "$program" || { echo "$program is still missing (package ${packages[$program]})" >&2; exit 1; }
done

command -v cargo >/dev/null || { echo "cargo is missing: install Rust 1.94 or newer, see rustup.rs" >&2; exit 1; }
for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 || { echo "cargo $component is missing: rustup component add rustfmt clippy" >&2; exit 1; }
done
if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    echo "Node.js 20.19 or newer with npm is missing: it builds the dashboard, see nodejs.org" >&2
    exit 1
fi

# A compiler that runs out of space says so in a hundred lines, none of which names the disk.
needed_gib=5
free_gib=$(df --output=avail -BG . | tail -1 | tr -dc 0-9)
if [[ ! -d target/debug ]] && ((free_gib < needed_gib)); then
    echo "warning: only $free_gib GiB are free here; a first build and its tests take $needed_gib GiB" >&2
fi
