#!/usr/bin/env bash
#
# Makes the clean Debian in which the package is tried: /var/cache/vknetd/debian, with systemd and Node.
# Run as root; quick and without network when it is there.
set -euo pipefail
umask 022

# The oldest release whose own Node is new enough.
release=trixie
# Where this machine gets its own packages from, security updates apart.
# shellcheck disable=SC2016 # apt-get is to read it
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -n 1)}
packages=nodejs,systemd,iproute2
cache=/var/cache/vknetd
root=$cache/debian

if [[ -e $root/etc/os-release ]]; then
  echo "setup-debian: it is there"
  exit 0
fi
if [[ $(id -u) != 0 ]]; then
  echo "setup-debian: run as root" >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null; then
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends debootstrap
fi
mkdir -p "$cache"
new=$(mktemp -d "$cache/new.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
debootstrap --variant=minbase --include="$packages" "$release" "$new" "$mirror"
rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
# Under its name last, so that what is there is whole.
mv "$new" "$root"
echo "setup-debian: made $root"
