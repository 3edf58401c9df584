#!/bin/bash
#
# Boots a Debian root under its own systemd, for a test, and goes away with it:
#
#   unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup boot-debian.sh ROOT SCRATCH FILES ...
#
# ROOT is not changed: what is written lies in memory. FILES are in its /srv. Nothing of it reaches the machine's
# network, processes or control groups.
set -euo pipefail

root=$1 scratch=$2
shift 2

mount --make-rprivate /
mkdir -p "$scratch/memory" "$scratch/root"
mount -t tmpfs none "$scratch/memory"
mkdir "$scratch/memory/upper" "$scratch/memory/work"
here=$scratch/root
mount -t overlay none -o "lowerdir=$root,upperdir=$scratch/memory/upper,workdir=$scratch/memory/work" "$here"
mount -t proc proc "$here/proc"
mount -t sysfs -o ro sys "$here/sys"
mount -t cgroup2 none "$here/sys/fs/cgroup"
mount -t tmpfs none "$here/run"
mount -t tmpfs none "$here/tmp"
mount -t tmpfs -o mode=755 none "$here/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$here/dev/${device%:*}" c 1 "${device#*:}"
done
mkdir "$here/dev/net" "$here/dev/shm" "$here/dev/pts"
mknod -m 666 "$here/dev/net/tun" c 10 200
for file; do cp "$file" "$here/srv/"; done
ip link set lo up

# So that no path leads out again.
mkdir -p "$here/mnt"
cd "$here"
pivot_root . mnt
exec chroot . /usr/bin/env -i container=vknetd PATH=/usr/sbin:/usr/bin /bin/sh -c \
  'umount -l /mnt && exec /lib/systemd/systemd'
