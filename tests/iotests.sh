#!/usr/bin/env bash
# Runs QEMU's own block test suite, unmodified, against our programs. Its source package is fetched into a cache folder
# and never becomes part of this repository. Needs Debian with source packages enabled (tests/peers/install.sh does that
# on Debian 12), qemu-utils, and for its harness qemu-system-x86 and qemu-storage-daemon (its set-up insists on them).
#   tests/iotests.sh               every test in tests/iotests-expected.txt must pass
#   tests/iotests.sh 001 046 ...   these tests; prints every result
#   BIN=FOLDER tests/iotests.sh    against the qemu-img, qemu-io and qemu-nbd in FOLDER (default: artifacts/bin)
#   FMT=raw PROTO=nbd ...          another format or protocol
# Exit status 0 where all of them passed.
set -uo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${BYRE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/byre-peers}
bin=${BIN:-$root/artifacts/bin}

fail() {
  echo "iotests: $1" >&2
  exit 2
}

fetch() {
  mkdir -p "$cache" && cd "$cache" || exit 2
  compgen -G 'qemu-10*/tests/qemu-iotests' > /dev/null && return
  if ! compgen -G 'qemu_10*.orig.tar.xz' > /dev/null; then
    # Without dpkg-dev the unpacking that follows the download fails: the archive is all that is wanted.
    apt-get source --download-only qemu/bookworm-backports > /dev/null 2>&1 || apt-get source --download-only qemu > /dev/null 2>&1
  fi
  tar xf qemu_10*.orig.tar.xz || fail "QEMU's source package cannot be fetched with apt-get source"
}

(fetch) || exit 2
source_folder=$(compgen -G "$cache/qemu-10*/" | head -1)
[[ -n ${BIN:-} ]] || "$root/byre" --build || fail "the program cannot be published"

find_program() {
  if [[ -x $bin/$1 ]]; then echo "$bin/$1"; else command -v "$1" || fail "$1 is missing"; fi
}

QEMU_IMG_PROG=$(find_program qemu-img) || exit 2
QEMU_IO_PROG=$(find_program qemu-io) || exit 2
QEMU_NBD_PROG=$(find_program qemu-nbd) || exit 2
QEMU_PROG=$(find_program qemu-system-x86_64) || exit 2
QSD_PROG=$(find_program qemu-storage-daemon) || exit 2
PYTHONPATH=$source_folder/python
TEST_DIR=${TEST_DIR:-$(mktemp -d /tmp/byre-iotests-XXXXXX)}
export QEMU_PROG QEMU_IMG_PROG QEMU_IO_PROG QEMU_NBD_PROG QSD_PROG PYTHONPATH TEST_DIR
mkdir -p "$TEST_DIR"

verbose=yes
if (($# == 0)); then
  verbose=no
  mapfile -t expected < <(sed -E 's/#.*//; /^[[:space:]]*$/d' "$root/tests/iotests-expected.txt")
  set -- "${expected[@]}"
fi
(($# > 0)) || fail "no test to run"

cd "$source_folder/tests/qemu-iotests" || exit 2
arguments=(-"${FMT:-qcow2}")
[[ -n ${PROTO:-} ]] && arguments+=(-"$PROTO")
log=$TEST_DIR/check.log
./check "${arguments[@]}" -j "$(nproc)" "$@" > "$log" 2>&1
results=$(sed -E 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *[0-9a-z-]+ +(pass|fail|not run)')
if [[ $verbose == yes ]]; then echo "$results"; else grep -E ' (fail|not run)' <<< "$results"; fi
count() { grep -cE "^ *[0-9a-z-]+ +$1" <<< "$results"; }
passed=$(count pass) failed=$(count fail) unable=$(count 'not run')
((passed + failed + unable > 0)) || cat "$log"
echo "iotests: $passed passed, $failed failed, $unable not run (log: $log)"
((failed == 0 && unable == 0 && passed == $#))
