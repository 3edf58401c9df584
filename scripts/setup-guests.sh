#!/bin/bash
# Installs what the tests with real guests need: Debian packages, and a kernel for QEMU.
# Run as root; quick and without network when all is there.
#
#   setup-guests.sh           installs what is missing
#   setup-guests.sh --print   lists the packages, one a line, and does nothing
set -euo pipefail

packages=(
  busybox-static
  cpio
  dnsmasq-base
  iperf3
  iproute2
  iputils-ping
  python3
  python3-scapy
  qemu-system-x86
  socat
  tcpdump
  user-mode-linux
  util-linux
)

# Debian's smallest kernel with a driver for QEMU's network card. It is unpacked, not installed:
# the machine that runs the tests goes on booting what it booted before.
kernel_package=linux-image-cloud-amd64
kernel_directory=/var/cache/vknetd/guest-kernel
modules=(
  virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci
  failover net_failover virtio_net
)

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

update_once() {
  if [ -z "${updated:-}" ]; then
    apt-get update --quiet=2
    updated=yes
  fi
}

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "setup-guests: installing ${missing[*]}"
  update_once
  DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}"
}

fetch_kernel() {
  if [ -s "$kernel_directory/vmlinuz" ]; then
    return 0
  fi
  echo "setup-guests: fetching a kernel for QEMU"
  update_once
  local image scratch module
  image=$(apt-cache depends --important "$kernel_package" \
    | awk '/Depends: linux-image-/ && !found++ { print $2 }')
  if [ -z "$image" ]; then
    echo "setup-guests: no package $kernel_package in the lists of apt" >&2
    return 1
  fi
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the directory as it is named now
  trap "rm -rf '$scratch'" EXIT
  # As root in a directory of root's: apt says that it could not drop privileges, and that is all.
  (cd "$scratch" && apt-get download --quiet=2 -o APT::Sandbox::User=root "$image")
  dpkg-deb --extract "$scratch"/*.deb "$scratch/image"
  mkdir -p "$kernel_directory"
  for module in "${modules[@]}"; do
    find "$scratch/image" -name "$module.ko" -exec install -m 644 -t "$kernel_directory" {} +
    if [ ! -s "$kernel_directory/$module.ko" ]; then
      echo "setup-guests: $image has no module $module" >&2
      return 1
    fi
  done
  # Last, because it is what tells the next run that the rest is there.
  install -m 644 "$scratch"/image/boot/vmlinuz-* "$kernel_directory/vmlinuz"
}

if [ "${1:-}" = --print ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi
if [ $# -gt 0 ]; then
  echo "usage: setup-guests.sh [--print]" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "setup-guests: this system is not Debian; install by hand: ${packages[*]}" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "setup-guests: run as root (sudo npm run setup:guests)" >&2
  exit 1
fi
install_packages
fetch_kernel
echo "setup-guests: all is there"
