# Shared by make check, make demo and make bench: packages, build, and a private cluster.
#
# Root installs packages and the extension; servers and tests run as an unprivileged user, because PostgreSQL refuses root.
# Nothing here touches a server that it did not start.

set -u
# a fresh machine says nothing of a locale, and a database in SQL_ASCII is refused
export LC_ALL=C.UTF-8
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: where packages or the extension are installed
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need_packages PACKAGE...: installs the Debian packages that are missing
need_packages() {
    local missing=() p
    for p in "$@"; do
        [ "$(dpkg-query -W -f='${Status}' "$p" 2>/dev/null)" = "install ok installed" ] || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    command -v apt-get >/dev/null || die "these packages are missing: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null 2>&1
    # a server package must not start a cluster of its own
    as_root mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >"${TMPDIR:-/tmp}/dreamsuite-apt.log" 2>&1 ||
        { tail -n 20 "${TMPDIR:-/tmp}/dreamsuite-apt.log" >&2; die "apt-get could not install ${missing[*]}"; }
}

# has_package PACKAGE: does the distribution have it?
has_package() { command -v apt-cache >/dev/null && [ -n "$(apt-cache --quiet=0 pkgnames "$1" 2>/dev/null | grep -x "$1")" ]; }

# find_server: sets PG_CONFIG, BINDIR, PGMAJOR; installs the distribution's server where there is none
find_server() {
    need_packages gcc make pkg-config libcurl4-openssl-dev libsodium-dev libjwt-dev python3 binutils curl openssl
    if [ -z "${PG_CONFIG:-}" ]; then
        PGMAJOR=$(ls /usr/lib/postgresql 2>/dev/null | sort -n | tail -n 1)
        if [ -z "$PGMAJOR" ]; then
            need_packages postgresql
            PGMAJOR=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
        fi
        need_packages "postgresql-$PGMAJOR" "postgresql-server-dev-$PGMAJOR"
        PG_CONFIG=/usr/lib/postgresql/$PGMAJOR/bin/pg_config
    fi
    [ -x "$PG_CONFIG" ] || die "no pg_config at $PG_CONFIG"
    BINDIR=$("$PG_CONFIG" --bindir)
    PGMAJOR=$("$PG_CONFIG" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
    PGXS_TESTS=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    export PG_CONFIG BINDIR PGMAJOR PGXS_TESTS
}

# copy_server PLACE: a copy of the server that PG_CONFIG names, in PLACE/server, for builds that must not be installed where
# others find them; sets PG_CONFIG and BINDIR to it. Servers find their files relative to their program, so a copy works.
copy_server() {
    local kind from
    for kind in bindir pkglibdir sharedir includedir-server pkgincludedir; do
        from=$("$PG_CONFIG" --$kind)
        [ -d "$1/server$from" ] && continue
        mkdir -p "$1/server$from"
        cp -a "$from/." "$1/server$from/"
    done
    PG_CONFIG=$1/server$PG_CONFIG
    [ -x "$PG_CONFIG" ] || PG_CONFIG=$1/server$BINDIR/pg_config
    BINDIR=$("$PG_CONFIG" --bindir)
    PGXS_TESTS=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    export PG_CONFIG BINDIR PGXS_TESTS
}

# make_place NAME: a directory for builds of another kind, whose tests the unprivileged user may write to; sets PLACE
make_place() {
    PLACE=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
    chmod 1777 "$PLACE"
    mkdir -m 1777 "$PLACE/reports"
}

# copy_tree PLACE: the sources in PLACE/tree, without anything built, and the way to the recorded answers beside it
copy_tree() {
    mkdir -p "$1/tree"
    tar -C "$ROOT" -cf - --exclude=.git --exclude=./output --exclude=./dist --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
        --exclude='*.gc??' --exclude=build --exclude=node_modules . | tar -C "$1/tree" -xf -
    [ -d "$ROOT/../shared/fixtures" ] && ln -s "$(cd "$ROOT/../shared" && pwd)" "$1/shared"
    return 0
}

# wrap_server COMMAND: every server of the copy is started by this command, which is given its program and arguments
wrap_server() {
    export SERVER_IS_WRAPPED=1
    mv "$BINDIR/postgres" "$BINDIR/postgres.real"
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$1" "$BINDIR/postgres.real" >"$BINDIR/postgres"
    chmod 755 "$BINDIR/postgres"
}

# report_findings DIRECTORY: what a memory checker wrote there, and whether it found nothing
report_findings() {
    local file found=0
    for file in "$1"/*; do
        [ -s "$file" ] || continue
        found=$((found + 1))
        [ $found -le 5 ] && { say "--- $file"; head -n 60 "$file"; }
    done
    say "$found processes with findings"
    [ $found -eq 0 ]
}

# build_and_install: quiet, but for what went wrong
build_and_install() {
    local log=${TMPDIR:-/tmp}/dreamsuite-build.$$.log
    say "building for PostgreSQL $PGMAJOR"
    make -s -j2 with_llvm=no PG_CONFIG="$PG_CONFIG" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "the build failed"; }
    if [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then
        make -s with_llvm=no PG_CONFIG="$PG_CONFIG" install >>"$log" 2>&1
    else
        as_root make -s with_llvm=no PG_CONFIG="$PG_CONFIG" install >>"$log" 2>&1
    fi || { tail -n 40 "$log" >&2; die "the installation failed"; }
    rm -f "$log"
}

# make_workplace NAME: a directory of our own that the unprivileged user owns, with a copy of what tests read; sets WORK
make_workplace() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/dreamsuite-$1.XXXXXX")
    chmod 755 "$WORK"
    mkdir "$WORK/tree"
    cp -a test expected sql docs dreamsuite.control "$WORK/tree/"
    [ -d examples ] && cp -a examples "$WORK/tree/"
    if [ -d "$ROOT/../shared/fixtures" ]; then
        mkdir "$WORK/shared"
        cp -a "$ROOT/../shared/fixtures" "$ROOT/../shared/schema" "$WORK/shared/"
        chmod -R u+w "$WORK/shared"
    fi
    if [ "$(id -u)" = 0 ]; then
        RUN_USER=postgres
        id postgres >/dev/null 2>&1 || { RUN_USER=nobody; }
        chown -R "$RUN_USER" "$WORK"
    fi
    export WORK
}

# as_user COMMAND...: without root's rights, in the workplace
as_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$WORK" && setpriv --reuid="$RUN_USER" --regid="$(id -g "$RUN_USER")" --clear-groups \
            env HOME="$WORK" PATH="$BINDIR:$PATH" "$@")
    else
        (cd "$WORK" && env PATH="$BINDIR:$PATH" "$@")
    fi
}

# start_cluster [SETTING...]: a private cluster in the workplace, reached through a socket there; sets PGHOST, PGPORT, PGUSER
start_cluster() {
    as_user initdb -D "$WORK/db" -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >"$WORK/initdb.log" 2>&1 ||
        { cat "$WORK/initdb.log" >&2; die "initdb failed"; }
    as_user tee -a "$WORK/db/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$WORK'
port = 5432
fsync = off
max_worker_processes = 16
log_min_messages = log
CONF
    local setting
    for setting in "$@"; do echo "$setting" | as_user tee -a "$WORK/db/postgresql.conf" >/dev/null; done
    as_user pg_ctl -D "$WORK/db" -l "$WORK/server.log" -w start >/dev/null || { tail -n 20 "$WORK/server.log" >&2; die "the server did not start"; }
    export PGHOST=$WORK PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

stop_cluster() {
    [ -f "$WORK/db/postmaster.pid" ] && as_user pg_ctl -D "$WORK/db" -m "${STOP_MODE:-immediate}" -w stop >/dev/null 2>&1
}

# start_simulator [OPTION...]: sets SIMULATOR to its address
start_simulator() {
    rm -f "$WORK/simulator.port" # of an earlier one
    as_user python3 "$WORK/tree/test/simulator/simulator.py" --port 0 --port-file "$WORK/simulator.port" "$@" \
        >"$WORK/simulator.log" 2>&1 &
    SIMULATOR_PID=$!
    local i
    for i in $(seq 100); do
        [ -s "$WORK/simulator.port" ] && break
        sleep 0.1
    done
    [ -s "$WORK/simulator.port" ] || { cat "$WORK/simulator.log" >&2; die "the simulator did not start"; }
    # Another user's process is the child of a runuser, which would not take it along when it is ended.
    local child
    read -r child _ 2>/dev/null <"/proc/$SIMULATOR_PID/task/$SIMULATOR_PID/children" || true
    SIMULATOR_PID=${child:-$SIMULATOR_PID}
    SIMULATOR=http://127.0.0.1:$(cat "$WORK/simulator.port")
    export SIMULATOR
}

stop_simulator() {
    [ -n "${SIMULATOR_PID:-}" ] && kill "$SIMULATOR_PID" 2>/dev/null
    pkill -f "$WORK/tree/test/simulator/simulator.py" 2>/dev/null
    return 0
}
