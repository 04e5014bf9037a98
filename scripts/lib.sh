# shellcheck shell=bash disable=SC2034 # others read what is set here
# What the scripts share: where things are, how to become another user, how to say something.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Jars and PostgreSQL trees are kept here between runs. Root's home is closed to the unprivileged
# user that PostgreSQL insists on, so root keeps them beside the system's own caches.
if [ -n "${MINICDC_TEST_CACHE:-}" ]; then
  cache=$MINICDC_TEST_CACHE
elif [ "$(id -u)" -eq 0 ]; then
  cache=/var/cache/minicdc
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/minicdc
fi
export MINICDC_TEST_CACHE=$cache

kafka_version=4.3.0
kafka_jars=$cache/kafka-$kafka_version
debezium_version=3.6.3.Final
debezium_jars=$cache/debezium-$debezium_version

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint:  %s\n' "$2" >&2
  exit 1
}

# Directory of PostgreSQL's programs for a major, or (without argument) of the distribution's
# newest one. Fails when there is none.
pg_bin() {
  local dir newest=
  if [ -n "${1:-}" ]; then
    for dir in "/usr/lib/postgresql/$1/bin" "$cache/postgres-$1/bin"; do
      [ -x "$dir/initdb" ] && { echo "$dir"; return; }
    done
    return 1
  fi
  while read -r dir; do
    [ -x "$dir/initdb" ] && newest=$dir
  done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
  [ -n "$newest" ] || newest=$(pg_config --bindir 2>/dev/null) || return 1
  [ -x "$newest/initdb" ] && echo "$newest"
}

# The user that runs PostgreSQL when we are root, who may not.
pg_user() {
  if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# Put before a command to run it as that user when we are root, and as ourselves otherwise. An
# array and not a function, so that `"${as_pg[@]}" postgres … &` leaves the server's own pid in $!.
as_pg=()
if [ "$(id -u)" -eq 0 ]; then
  as_pg=(setpriv "--reuid=$(pg_user)" "--regid=$(id -g "$(pg_user)")" --init-groups
    env HOME=/tmp LC_ALL=C)
fi

# A loopback port that nobody listens on, below the range that the kernel hands to clients.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM << 3 ^ RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}
