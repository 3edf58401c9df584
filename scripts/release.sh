#!/usr/bin/env bash
#
# Makes everything that a release consists of, in release/:
#
#   vknetd-VERSION.tgz         for npm, with an addon for this kind of machine, and sources for all others
#   vknetd_VERSION_ARCH.deb    for Debian 13 and later
#   vknetd-VERSION.cdx.json    what of others is in it, CycloneDX
#   SHA256SUMS                 of all of them
#
# The addon runs on systems whose C library is at least as new as this one's: make releases on the oldest.
set -euo pipefail
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $# -ne 0 ]]; then
  echo "usage: release.sh" >&2
  exit 2
fi
if [[ -n $(git status --porcelain --untracked-files=no) ]]; then
  echo "release: there are changes that are not committed" >&2
  exit 1
fi

node scripts/build.mjs
version=$(node -p 'require("./package.json").version')
machine=$(node -p 'os.type().toLowerCase() + "-" + os.arch()')
rm -rf release prebuilds
mkdir -p release "prebuilds/$machine"
strip --strip-unneeded -o "prebuilds/$machine/vknetd.node" build/Release/vknetd.node
node scripts/sbom.mjs --licenses >dist/THIRD-PARTY-LICENSES.txt

npm pack --silent --pack-destination release >/dev/null
scripts/build-deb.sh release >/dev/null
node scripts/sbom.mjs >"release/vknetd-$version.cdx.json"
(cd release && sha256sum -- *.tgz *.deb *.json >SHA256SUMS)
rm -rf prebuilds
cat release/SHA256SUMS
