#!/usr/bin/env bash
# The whole way on a throw-away PostgreSQL: load CSV files, capture them and what changes, and
# watch the changes come out as feeds. Needs no Kafka: records go to the embedded log.
#
# Installs what is missing and leaves nothing running. At a terminal it waits at the end, for you
# to change rows yourself.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

if [ "${1:-}" != --on-server ]; then
  [ $# -eq 0 ] || { sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/!p}' "$0" >&2; exit 2; }
  scripts/setup.sh build
  scripts/setup.sh postgres
  say "building minicdc (some minutes the first time)"
  cargo build --locked --quiet
  exec scripts/stack run --no-kafka -- "$0" --on-server
fi

# From here on: DATABASE_URL and the PG… variables name the throw-away server.
work=$(mktemp -d "${TMPDIR:-/tmp}/minicdc-demo.XXXXXX")
capture_pid='' feed_pid='' screen_pid=''
clean_up() {
  local pid
  for pid in $screen_pid $feed_pid $capture_pid; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

bold='' dim='' plain='' color=never
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m' color=always
fi
headline() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
pause() { [ ! -t 1 ] || sleep "$1"; } # only for eyes to follow

minicdc=$root/target/debug/minicdc
log_dir=$work/log

# Waits until a command succeeds, as long as capture lives.
until_true() {
  local what=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if ! kill -0 "$capture_pid" 2>/dev/null || [ $tries -gt 600 ]; then
      cat "$work/capture.err" >&2
      die "no sign of $what"
    fi
    sleep 0.05
  done
}

headline "CSV files become tables"
show "minicdc load data/"
"$minicdc" load data/

headline "A snapshot of the tables, then every change, into the embedded log"
show "minicdc capture --slot dbserver1 --log-dir $log_dir"
setpriv --pdeathsig KILL "$minicdc" capture --slot dbserver1 --log-dir "$log_dir" \
  >"$work/capture.out" 2>"$work/capture.err" &
capture_pid=$!
streams() { [ -n "$(psql -XqAtc "select 1 from pg_stat_replication where state = 'streaming'")" ]; }
until_true "streaming" streams
# Without a terminal of its own capture logs; the demo leaves out when and where.
sed -E 's/^[^ ]+ +INFO [^ ]+ /  /' "$work/capture.out" "$work/capture.err"

headline "Rows change in PostgreSQL, and the feed of the three tables shows it"
show "minicdc tail orders customers products --from end"
changes=(
  "insert into customers (id, name, email) values (1001, 'Ada Lovelace', 'ada@example.com')"
  "insert into orders (id, customer_id, product_id, quantity) values (5001, 1001, 2, 3)"
  "update orders set quantity = 5 where id = 5001"
  "update products set price = 899.00 where id = 1"
  "update customers set email = 'ada@analytical.engine' where id = 1001"
  "delete from orders where id = 2"
)
setpriv --pdeathsig KILL "$minicdc" tail orders customers products --log-dir "$log_dir" \
  --from end --limit "${#changes[@]}" --color "$color" >"$work/feed" &
feed_pid=$!
until_true "the feed" test -s "$work/feed"
tail -f -n +1 -s 0.1 --pid "$feed_pid" "$work/feed" &
screen_pid=$!
for change in "${changes[@]}"; do
  pause 0.8
  printf '%ssql> %s;%s\n' "$dim" "$change" "$plain"
  psql -Xqc "$change"
  pause 0.4
done
feed_ends() { ! kill -0 "$feed_pid" 2>/dev/null; }
until_true "the last change in the feed" feed_ends
wait "$feed_pid" || die "the feed failed"
feed_pid=''
wait "$screen_pid"

for table in customers products orders; do
  headline "The last changes of $table"
  show "minicdc tail $table -n 3 --no-follow"
  "$minicdc" tail "$table" -n 3 --no-follow --log-dir "$log_dir"
done

headline "The last one as Debezium writes it"
show "minicdc tail orders -n 1 --no-follow --format json"
"$minicdc" tail orders -n 1 --no-follow --format json --log-dir "$log_dir"

if [ -t 0 ] && [ -t 1 ]; then
  headline "Your turn: change rows from another terminal, watch them in a third"
  echo "  psql $DATABASE_URL"
  echo "  $minicdc tail '*' --log-dir $log_dir"
  read -rp "Enter stops everything. " _ || true
fi

headline "Stopping: what was captured is confirmed, the servers go"
kill -TERM "$capture_pid"
wait "$capture_pid" || { cat "$work/capture.err" >&2; die "capture did not stop cleanly"; }
capture_pid=''
psql -XqAt -P pager=off -F ' ' -c "select 'slot', slot_name, 'confirmed', confirmed_flush_lsn from pg_replication_slots"
