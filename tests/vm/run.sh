#!/usr/bin/env bash
# A real guest on our server: boots Linux with a file system on an overlay that qemu-nbd (ours) exports, lets it write and
# fsync, kills guest and server in the middle, boots again on the same image, and expects what fsync promised.
#   tests/vm/run.sh [ROUNDS]     default 2
# Needs qemu-system-x86_64, e2fsprogs, and apt-get to fetch Debian's kernel and busybox-static (kept in a cache folder).
# Uses KVM where /dev/kvm works. Prints "# ..." lines with what was counted; exit status 0 where everything held.
set -euo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rounds=${1:-2}
bin=${BYRE_BIN:-$root/artifacts/bin}
cache=${BYRE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/byre-peers}/vm
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d /tmp/byre-vm.XXXXXX)
server='' guest=''

clean_up() {
  for process in $guest $server; do kill -9 "$process" 2> /dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "vm: $1" >&2
  [[ -n ${KEEP:-} ]] && cp "$work"/*.qcow2 "$KEEP"
  [[ -e $work/console ]] && tail -20 "$work/console" >&2
  exit 1
}

fetch() {
  [[ -e $cache/vmlinuz && -e $cache/busybox ]] && return
  mkdir -p "$cache/packages"
  (
    cd "$cache/packages"
    compgen -G "*.deb" > /dev/null || kernel=$(apt-cache depends linux-image-amd64 | sed -nE 's/.*Depends: (linux-image-[0-9].*)/\1/p' | head -1)
    compgen -G "*.deb" > /dev/null || apt-get download busybox-static "$kernel" > /dev/null
    for package in *.deb; do dpkg-deb -x "$package" .; done
  ) || fail "Debian's kernel and busybox-static cannot be fetched"
  cp "$cache"/packages/boot/vmlinuz-* "$cache/vmlinuz"
  mkdir -p "$cache/modules"
  local module
  for module in $modules; do
    find "$cache/packages/lib/modules" -name "$module.ko" -exec cp {} "$cache/modules/" \;
  done
  cp "$(find "$cache/packages" -path '*bin/busybox' -type f | head -1)" "$cache/busybox"
  rm -rf "$cache/packages"
}

# In the order in which they need each other.
modules='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk
  crc32c_generic libcrc32c crc16 mbcache jbd2 ext4'

make_initramfs() {
  local tree=$work/initramfs
  mkdir -p "$tree"/{bin,modules,proc,sys,dev,mnt}
  cp "$cache/busybox" "$tree/bin/busybox"
  cp "$cache"/modules/*.ko "$tree/modules/"
  cp "$root/tests/vm/init" "$tree/init"
  chmod +x "$tree/init"
  echo "$modules" > "$tree/modules/order"
  python3 "$root/tests/vm/archive.py" "$tree" | gzip -1 > "$work/initrd"
}

start_server() {
  rm -f "$work/socket"
  "$bin/qemu-nbd" -t -k "$work/socket" -f qcow2 --discard=unmap --cache="$1" "$work/overlay.qcow2" &
  server=$!
  disown
  for _ in $(seq 200); do
    [[ -S $work/socket ]] && return
    sleep 0.05
  done
  fail "the server does not start"
}

machine() {
  : > "$work/console"
  exec qemu-system-x86_64 -accel "$1" -m 256 -smp 2 -nographic -no-reboot -nodefaults \
    -kernel "$cache/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 byre=$2" \
    -serial "file:$work/console" -monitor none "${@:3}" < /dev/null > "$work/qemu.log" 2>&1
}

# A device file is no proof: inside a virtual machine KVM may be there and not work.
choose_accelerator() {
  accelerator=tcg
  [[ -w /dev/kvm ]] || return 0
  (machine kvm probe:0) &
  guest=$!
  for _ in $(seq 150); do
    kill -0 "$guest" 2> /dev/null || break
    sleep 0.1
  done
  stop_quietly "$guest" KILL
  grep -aq 'RESULT up' "$work/console" && accelerator=kvm
  return 0
}

start_guest() {
  (machine "$accelerator" "$1" \
    -drive "file=nbd+unix:///?socket=$work/socket,format=raw,if=virtio,cache=none,discard=unmap") &
  guest=$!
}

count_synced() {
  grep -ac '^SYNCED ' "$work/console" || true
}

stop_quietly() {
  disown "$1" 2> /dev/null || true
  kill "-$2" "$1" 2> /dev/null || true
  while kill -0 "$1" 2> /dev/null; do sleep 0.05; done
}

one_round() {
  local cache_mode=$1 target=$2 synced
  start_server "$cache_mode"
  start_guest "work:$first"
  for _ in $(seq 1200); do
    kill -0 "$guest" 2> /dev/null || fail "the guest ended before it was killed: $(cat "$work/qemu.log")"
    (($(count_synced) >= target)) && break
    sleep 0.1
  done
  synced=$(sed -nE 's/^SYNCED ([0-9]+).*/\1/p' "$work/console" | tail -1)
  (($(count_synced) >= target)) || fail "the guest writes too slowly, or not at all"
  # The server first: nothing that it has not answered may be missed.
  stop_quietly "$server" KILL
  stop_quietly "$guest" KILL

  # What was killed left clusters that are counted and not used, at worst.
  "$bin/qemu-img" check -q "$work/overlay.qcow2" > /dev/null && true
  local status=$?
  ((status == 0 || status == 3)) || fail "our check finds corruption (exit status $status)"
  qemu-img check -q "$work/overlay.qcow2" > /dev/null && true
  status=$?
  ((status == 0 || status == 3)) || fail "QEMU's check finds corruption (exit status $status)"

  start_server "$cache_mode"
  start_guest "check:$synced"
  for _ in $(seq 1800); do
    kill -0 "$guest" 2> /dev/null || break
    grep -aq 'RESULT ' "$work/console" && break
    sleep 0.1
  done
  grep -aq 'RESULT ok' "$work/console" || fail "the guest misses what it had synced ($synced files)"
  # It powers off once it has unmounted the disk.
  for _ in $(seq 300); do
    kill -0 "$guest" 2> /dev/null || break
    sleep 0.1
  done
  stop_quietly "$guest" KILL
  stop_quietly "$server" TERM
  "$bin/qemu-img" check -q -r leaks "$work/overlay.qcow2" > /dev/null || fail "leaks cannot be repaired"
  qemu-img check -q "$work/overlay.qcow2" || fail "QEMU's check finds errors after a clean end"
  "$bin/qemu-img" convert -O raw "$work/overlay.qcow2" "$work/disk.raw"
  e2fsck -fn "$work/disk.raw" > "$work/e2fsck.log" 2>&1 || fail "e2fsck: $(cat "$work/e2fsck.log")"
  echo "# cache=$cache_mode: killed after $synced files were synced; all of them are there, both checks and e2fsck are clean"
  first=$((synced + 1))
}

fetch
make_initramfs
choose_accelerator
echo "# accelerator: $accelerator"
truncate -s 512M "$work/base.raw"
mkfs.ext4 -q -F "$work/base.raw"
"$bin/qemu-img" convert -O qcow2 "$work/base.raw" "$work/base.qcow2"
"$bin/qemu-img" create -q -f qcow2 -b base.qcow2 -F qcow2 "$work/overlay.qcow2"
first=1
for ((round = 0; round < rounds; round++)); do
  modes=(writeback none)
  one_round "${modes[round % 2]}" $((40 + 25 * round))
done
