#!/usr/bin/env bash
# Makes many requests to our NBD server and looks whether it grows: its memory and its open files, after a warm-up and
# until the end, are printed every few seconds. Needs fio with its nbd engine.
#   tests/nbd-soak.sh [REQUESTS]     default 1000000; mixed reads and writes of 4 KiB on an image of 64 MiB
#   AIO=threads JOBS=4 DEPTH=16 BIN=FOLDER tests/nbd-soak.sh 100000000
# Exit status 0 where all requests succeeded, memory grew by less than 16 MiB and files by none.
set -euo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requests=${1:-1000000} jobs=${JOBS:-4} depth=${DEPTH:-16} aio=${AIO:-io_uring}
limit_kib=$((16 << 10))
command -v fio > /dev/null || { echo "nbd-soak: fio is missing" >&2; exit 2; }
[[ -n ${BIN:-} ]] || "$root/byre" --build
bin=${BIN:-$root/artifacts/bin}
folder=$(mktemp -d "${TMPDIR:-/tmp}/byre-soak-XXXXXX")
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2> /dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT

"$bin/qemu-img" create -q -f qcow2 "$folder/disk" 64M
"$bin/qemu-nbd" -t -e 0 -f qcow2 --aio="$aio" -k "$folder/socket" "$folder/disk" &
server=$!
for ((i = 0; i < 100; i++)); do [[ -S $folder/socket ]] && break; sleep 0.1; done

memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status"; }
files() { find "/proc/$server/fd" -mindepth 1 | wc -l; }
report() { echo "$1 $(memory_kib) KiB, $(files) files"; }

run() { # every job makes so many requests; clients come and go
  fio --name=soak --ioengine=nbd --uri="nbd+unix:///?socket=$folder/socket" --rw=randrw --bs=4k --size=64M \
    --iodepth="$depth" --numjobs="$jobs" --thread --io_size="$((4 * $1))k" \
    --group_reporting --minimal --output="$folder/fio"
}

run $((requests / 10 / jobs + 1))
report "warm:"
# What idle clients leave behind is counted, so the comparison is made with no client there.
before_kib=$(memory_kib) before_files=$(files)
started=$SECONDS
run $((requests * 9 / 10 / jobs + 1)) &
load=$!
while kill -0 $load 2> /dev/null; do
  sleep 5
  report "$((SECONDS - started)) s:"
done
wait $load
sleep 1
report "end:"
grown=$(($(memory_kib) - before_kib)) more=$(($(files) - before_files))
kill -0 "$server" || { echo "nbd-soak: the server has gone" >&2; exit 1; }
"$bin/qemu-nbd" -L -k "$folder/socket" > /dev/null
kill "$server"
wait "$server"
server=
"$bin/qemu-img" check -q "$folder/disk"
echo "nbd-soak: $requests requests, memory grew by $grown KiB, open files by $more"
((grown < limit_kib && more <= 0))
