#!/usr/bin/env bash
#
# Builds a Debian package of what scripts/build.mjs has built, for this machine's architecture:
#
#   scripts/build-deb.sh DIRECTORY      puts vknetd_VERSION_ARCH.deb there and prints its path
#
# It depends on Debian's nodejs, which is new enough from Debian 13 on; on Debian 12 a newer package of that
# name has to be installed first, as NodeSource's. Made twice of one build it is the same to the octet.
set -euo pipefail
umask 022

if [[ $# -ne 1 || ! -d $1 ]]; then
  echo "usage: build-deb.sh DIRECTORY" >&2
  exit 2
fi
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for built in dist/vknetd.cjs dist/switch.cjs dist/forwarder.cjs dist/simulated-host.cjs dist/page.js \
  "$(node -p '"dist/switch.cjs." + process.version + "-" + process.arch + ".cache"')" build/Release/vknetd.node; do
  if [[ ! -f $built ]]; then
    echo "build-deb: no $built (run: npm run build)" >&2
    exit 1
  fi
done

name=vknetd
version=$(node -p 'require("./package.json").version')
node_min=$(node -p 'require("./package.json").engines.node.replace(/[^0-9.]/g, "")')
architecture=$(dpkg --print-architecture)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

put() { # mode, file, target
  install -D -m "$1" "$2" "$root/$3"
}

lib=usr/lib/$name
put 755 bin/vknetd $lib/bin/vknetd
put 644 bin/package.json $lib/bin/package.json
# Absolute, as for every program of Debian: what is first in somebody's PATH is not what was tested. And without
# io_uring, which Debian 13's Node has and --user refuses.
sed -i '1s|.*|#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS UV_USE_IO_URING=0 /usr/bin/node|' "$root/$lib/bin/vknetd"
for file in dist/*.cjs dist/*.cache dist/page.* package.json share/guest/udhcpc.script; do
  put 644 "$file" "$lib/$file"
done
chmod 755 "$root/$lib/share/guest/udhcpc.script"
put 644 build/Release/vknetd.node $lib/build/Release/vknetd.node
strip --strip-unneeded "$root/$lib/build/Release/vknetd.node"
mkdir -p "$root/usr/sbin"
ln -s ../lib/$name/bin/vknetd "$root/usr/sbin/vknetd"

put 644 share/systemd/vknetd.service usr/lib/systemd/system/vknetd.service
put 644 share/systemd/vknetd.socket usr/lib/systemd/system/vknetd.socket
put 644 share/systemd/vknetd.sysusers.conf usr/lib/sysusers.d/vknetd.conf
put 644 share/systemd/vknetd.tmpfiles.conf usr/lib/tmpfiles.d/vknetd.conf
put 644 share/debian/default etc/default/vknetd
# Wireshark's folder for programs that it captures through.
put 755 share/extcap/vknetd "usr/lib/$(g++ -print-multiarch)/wireshark/extcap/vknetd"
put 644 share/vknetd.toml usr/share/doc/$name/examples/vknetd.toml
put 644 share/man/vknetd.8 usr/share/man/man8/vknetd.8
{
  cat LICENSE
  printf '\n\nParts of other projects, in /usr/lib/%s/dist and /usr/lib/%s/build:\n\n' "$name" "$name"
  node scripts/sbom.mjs --licenses
} >"$root/copyright"
put 644 "$root/copyright" usr/share/doc/$name/copyright
rm "$root/copyright"
put 644 CHANGELOG.md usr/share/doc/$name/changelog
gzip -9n "$root/usr/share/man/man8/vknetd.8" "$root/usr/share/doc/$name/changelog"

completions() { # shell, target
  node bin/vknetd --completions "$1" >"$root/completions"
  put 644 "$root/completions" "$2"
  rm "$root/completions"
}
completions bash usr/share/bash-completion/completions/vknetd
completions zsh usr/share/zsh/vendor-completions/_vknetd
completions fish usr/share/fish/vendor_completions.d/vknetd.fish

# The C library that the addon was linked against, as far as it uses it.
symbol_max() { # prefix
  objdump -T "$root/$lib/build/Release/vknetd.node" | grep -o "$1_[0-9.]*" | sed "s/^$1_//" | sort -V | tail -1
}
libc=$(symbol_max GLIBC)

for script in postinst prerm postrm; do put 755 share/debian/$script DEBIAN/$script; done
echo /etc/default/vknetd >"$root/DEBIAN/conffiles"
(cd "$root" && find etc usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
cat >"$root/DEBIAN/control" <<END
Package: $name
Version: $version
Architecture: $architecture
Maintainer: the vknetd authors <vknetd@localhost>
Installed-Size: $(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Depends: nodejs (>= $node_min), libc6 (>= $libc), libstdc++6 (>= 12), libgcc-s1 (>= 3.0), passwd
Recommends: iproute2
Suggests: user-mode-linux, qemu-system-x86
Section: net
Priority: optional
Description: network switch for user-run kernels
 An Ethernet switch in one process: User-Mode Linux, QEMU and whatever else speaks raw frames over a
 sequenced-packet socket are joined with each other and, through one tap interface, with the host.
 What guests send is checked before it goes anywhere.
END
find "$root" -exec touch --no-dereference --date="@$epoch" {} +

deb=$out/${name}_${version}_$architecture.deb
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
echo "$deb"
