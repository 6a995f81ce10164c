#!/usr/bin/env bash
# Installs the programs that the tests compare with: QEMU's tools (version 10; on Debian 12 from its backports),
# e2fsprogs, Python, libnbd, nbdkit, fio and strace. For Debian and Ubuntu, as root.
#   tests/peers/install.sh            install what is missing
#   tests/peers/install.sh --check    only say what is missing; exit status 1 where something is
set -euo pipefail
wanted=(qemu-img qemu-io qemu-nbd mkfs.ext4 python3 nbdinfo nbdcopy nbdsh nbdkit fio strace)
PATH=$PATH:/usr/sbin:/sbin

missing() {
  local program
  for program in "${wanted[@]}"; do
    command -v "$program" >/dev/null || echo "$program"
  done
}

absent=$(missing)
if [[ ${1:-} == --check ]]; then
  [[ -z $absent ]] && exit 0
  echo "missing: ${absent//$'\n'/ }"
  exit 1
fi
[[ -z $absent ]] && exit 0

export DEBIAN_FRONTEND=noninteractive
release=()
sources=/etc/apt/sources.list.d/debian.sources
ours=/etc/apt/sources.list.d/bookworm-backports.sources
if [[ -f $sources ]] && grep -q bookworm "$sources"; then
  if ! grep -rqs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d; then
    # The same mirror and key as the release itself.
    printf 'Types: deb deb-src\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' \
      "$(awk '/^URIs:/ { print $2; exit }' "$sources")" "$(awk '/^Signed-By:/ { print $2; exit }' "$sources")" > "$ours"
  fi
  release=(-t bookworm-backports)
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${release[@]}" qemu-utils > /dev/null
apt-get install -y -qq --no-install-recommends e2fsprogs python3 libnbd-bin python3-libnbd nbdkit fio strace > /dev/null
qemu-img --version | head -1
