#!/usr/bin/env bash
# Everything that has to pass, from a bare machine: installs what is missing, checks style, docs
# and dependencies, and runs all tests against a real PostgreSQL and a real Apache Kafka.
#
#   scripts/test.sh                  everything
#   scripts/test.sh FILTER…          only tests whose names contain a FILTER, without the checks
#   scripts/test.sh --pg 17 […]      with another PostgreSQL than the distribution's (14 to 18)
#   scripts/test.sh --pg all […]     with each of them in turn
#
# MINICDC_TEST_REPORTS=1 shows how far the recordings for later are from matching.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

majors=('') # the distribution's
while [ $# -gt 0 ]; do
  case $1 in
    --pg=*) set -- --pg "${1#*=}" "${@:2}" ;;
    --pg)
      case ${2:-} in
        all) majors=(14 15 16 17 18) ;;
        1[4-8]) majors=("$2") ;;
        *) die "--pg needs a major from 14 to 18, or all" ;;
      esac
      shift 2
      ;;
    -*) sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/!p}' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
done
filters=("$@")

# Everything that the tests write goes here, and goes away with us.
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/minicdc-run.XXXXXX")
export TMPDIR
chmod 1777 "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM HUP

timings=()
step() {
  local name=$1 start=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@"
  timings+=("$(printf '%6d s  %s' $((SECONDS - start)) "$name")")
}

set_up() {
  scripts/setup.sh build
  scripts/setup.sh postgres ${majors[0]:+"${majors[@]}"}
  scripts/setup.sh kafka
}

lint_scripts() {
  if command -v shellcheck >/dev/null; then
    shellcheck -x -P SCRIPTDIR scripts/*.sh scripts/stack .ci/run
  else
    bash -n scripts/stack
    for script in scripts/*.sh; do bash -n "$script"; done
    echo "shellcheck is not installed: only the syntax was checked"
  fi
}

check_dependencies() {
  # Licences and sources are checked by tests/tidy.rs in any case, by the rules of deny.toml;
  # cargo-deny adds the advisories, whose database it has to fetch.
  if cargo deny --version >/dev/null 2>&1; then
    cargo deny check licenses sources bans
    cargo deny check advisories || echo "advisories: not clean, or their database not reachable"
  else
    echo "cargo-deny is not installed: licences and sources are checked by the tests, advisories are not"
  fi
}

# The kernel ends a test binary when cargo dies, and cargo when the stack does.
server_tests() {
  # Each test starts a PostgreSQL of its own; the broker is shared, since it takes seconds.
  MINICDC_TEST_PG=$1 setpriv --pdeathsig KILL scripts/stack run --no-pg -- \
    cargo --config 'target."cfg(all())".runner = ["setpriv", "--pdeathsig", "KILL"]' \
    test --locked --tests --no-fail-fast -- --include-ignored "${filters[@]}"
}

step "set-up" set_up
if [ ${#filters[@]} -eq 0 ]; then
  step "format" cargo fmt --check
  step "scripts" lint_scripts
  step "clippy" cargo clippy --locked --all-targets -- -D warnings
  RUSTDOCFLAGS='-D warnings' step "docs" cargo doc --locked --no-deps
  step "dependencies" check_dependencies
  [ ! -e fuzz/Cargo.toml ] || step "fuzz targets" cargo check --manifest-path fuzz/Cargo.toml --target-dir target
  [ ! -d benches ] || step "benches" cargo test --locked --bench '*'
  step "examples in docs" cargo test --locked --doc
fi
for major in "${majors[@]}"; do
  step "tests${major:+ on PostgreSQL $major}" server_tests "$major"
done
printf '\n== passed in %d s\n' "$SECONDS"
printf '%s\n' "${timings[@]}"
