#!/usr/bin/env bash
#
# Compiles what the addon is on DragonFly against DragonFly's own headers, on any system with
# clang. Nothing is linked or run: it shows that every call, structure and constant is
# DragonFly's, and evaluates what native/abi_dragonfly.h asserts.
#
#   scripts/check-dragonfly.sh INCLUDE_DIRECTORY
#
# INCLUDE_DIRECTORY is /usr/include of an x86-64 DragonFly: copied from one, unpacked from an
# installation image, or put together from its sources, where
#   include/*                                   lie at the top,
#   sys/{sys,net,netinet,netinet6}, sys/net/*   keep their names without the first sys/,
#   sys/cpu/x86_64/include/*.h                  make cpu/ and machine/,
#   sys/platform/pc64/include/*.h               go over those in machine/, and
#   sys/{errno,fcntl,poll,sched}.h              lie at the top once more.
#
# CXX names the compiler (clang++). Exit status: 0 it compiles, 1 it does not, 2 misuse.
set -euo pipefail

if [[ $# -ne 1 || ! -f $1/sys/param.h ]]; then
  echo "usage: check-dragonfly.sh INCLUDE_DIRECTORY (the one that holds sys/param.h)" >&2
  exit 2
fi
include=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# All of the addon but what includes Node's headers.
sources=(
  kernel_dragonfly interface_dragonfly posix loop ports segments segment_tap link_watch errno control service handover
)

# What the addon needs of C++'s own headers: it uses no more of that library.
own=$(mktemp -d)
trap 'rm -r "$own"' EXIT
cat >"$own/new" <<'END'
#pragma once
#include <stddef.h>
namespace std {
struct nothrow_t {};
extern const nothrow_t nothrow;
}  // namespace std
void* operator new(size_t, const std::nothrow_t&) noexcept;
END

status=0
for name in "${sources[@]}"; do
  source=native/$name.cc
  if ! grep -qF "\"$source\"" binding.gyp; then
    echo "$source: binding.gyp does not build it" >&2
    status=1
  fi
  if "${CXX:-clang++}" -target x86_64-unknown-dragonfly -std=gnu++17 -fno-exceptions -fno-rtti \
    -nostdinc++ -nostdlibinc -isystem "$own" -isystem "$include" -Wall -Wextra -Werror -fsyntax-only "$source"; then
    echo "$source: compiles for DragonFly"
  else
    echo "$source: does not compile for DragonFly" >&2
    status=1
  fi
done
exit "$status"
