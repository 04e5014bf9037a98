#!/usr/bin/env bash
# Compares minicdc with the real Debezium, byte by byte: both read the same PostgreSQL through a
# slot of their own and write to the same Kafka, Debezium inside of Kafka Connect's standalone worker.
#
#   scripts/parity.sh SCRIPT.sql… [--settings FILE] [--set KEY=VALUE]
#   scripts/parity.sh --random 1000 --seed 7 [--vary] [--batch 100] [--partitions 3]
#   scripts/parity.sh --pg 17 […]      with another PostgreSQL than the distribution's (14 to 18)
#
# Scripts and settings have the format of tests/golden/cases. A sequence that differs is shown with
# its seed; `--random 1 --seed N` runs it alone, with the same settings. Exit status: 0 equal,
# 1 different, 2 could not be compared. Logs are in target/parity.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$PWD
cd "$root"

usage() { sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/!p}' "$0" >&2; exit 2; }

stack=() arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --pg) stack=(--pg "${2:?a major}"); shift ;;
    --pg=*) stack=(--pg "${1#*=}") ;;
    -h | --help) usage ;;
    --settings | --out) arguments+=("$1" "$(realpath -m "$here/${2:?a path}")"); shift ;;
    *.sql) arguments+=("$(realpath "$here/$1" 2>/dev/null || realpath "$1")") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
[ ${#arguments[@]} -gt 0 ] || usage

scripts/setup.sh build
scripts/setup.sh postgres ${stack[1]:+"${stack[1]}"}
scripts/setup.sh kafka
scripts/setup.sh debezium
cargo build --quiet --locked --bin minicdc --example parity
target=${CARGO_TARGET_DIR:-target}/debug
export PARITY_CLASSPATH="$debezium_jars/*" PARITY_MINICDC=$target/minicdc
export PARITY_LOGGING=$root/scripts/servers/log4j2.properties
exec scripts/stack run "${stack[@]}" -- "$target/examples/parity" "${arguments[@]}"
