#!/usr/bin/env bash
# How fast and how small: minicdc against pg_recvlogical, psql's \copy and a reader that does
# nothing, on the same WAL, on this machine, in turns.
#
#   scripts/bench.sh                  200,000 rows, three runs each: a few minutes
#   scripts/bench.sh --full           1,000,000 rows, five runs each
#   scripts/bench.sh --only TEXT      only work with TEXT in its title
#   scripts/bench.sh --no-kafka       without Apache Kafka
#
# Prints a table and writes target/bench/bench.json and bench.svg. Servers are throw-away ones, with
# fsync off in PostgreSQL. Ratios are what to quote: rates differ from machine to machine, and a run
# on a machine that does something else meanwhile (the column "others") is no run at all.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

options=() stack=()
for option in "$@"; do
  case $option in
    -h | --help) sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/!p}' "$0"; exit ;;
    --no-kafka) stack=(--no-kafka) ;;
    *) options+=("$option") ;;
  esac
done

scripts/setup.sh build
scripts/setup.sh postgres
[ ${#stack[@]} -gt 0 ] || scripts/setup.sh kafka
command -v python3 >/dev/null || die "no python3" "apt-get install python3"
cargo build --release --locked --bin minicdc --example patient_reader
scripts/stack run "${stack[@]}" -- python3 scripts/bench/bench.py \
  --minicdc target/release/minicdc --patient-reader target/release/examples/patient_reader \
  "${options[@]}"
