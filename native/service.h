// What a process needs in order to live under a service manager: telling it how far it is,
// taking over a socket that it made, and giving up what it was started with.
//
// The same manner as kernel.h: plain functions, no Node headers, the negated errno on failure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

namespace vknetd {

// Sends one datagram to a Unix socket; a path that begins with "@" is a name of Linux's that is not in
// the file system. Waits up to `wait_ms` for a full queue. Another descriptor of the open file `along` goes
// with it, -1: none. See sd_notify(3), syslog(3).
int datagram_send(const char* path, const char* text, size_t size, int wait_ms, int along);

// Waits up to `wait_ms` until a service manager has dealt with all that it was told before: 1 if it has,
// 0 if not. See sd_notify_barrier(3).
int notify_barrier(const char* path, int wait_ms);

struct InheritedListener {
  char path[112];  // where a guest connects to
  uint32_t mode;   // permission bits of its node
};

// Takes over a listening AF_UNIX SOCK_SEQPACKET descriptor and makes it as socket_listen would: close-on-exec,
// non-blocking, refusing descriptors. -ENOTSOCK, -EPROTOTYPE another family or type, -EINVAL nobody listens,
// -ENOENT without a path.
int listener_inherit(int fd, InheritedListener* out);

// Takes over a connected AF_UNIX SOCK_SEQPACKET descriptor: close-on-exec and non-blocking. -ENOTSOCK, -EPROTOTYPE
// another family or type, -EINVAL a listener.
int connection_adopt(int fd, Peer* out);

// 1 if both paths lead to the same node, 0 if not.
int same_node(const char* path, const char* other);

// The ids of a user by name, or -ENOENT.
int user_ids(const char* name, uint32_t* uid, uint32_t* gid);

// From now on no thread of this process, and nothing it starts, gains a right by execve(2). Linux; elsewhere
// nothing happens, for there is no such thing.
int privileges_seal();

// Becomes this user for good, with this group and no other, in all threads.
int identity_become(uint32_t uid, uint32_t gid);

// Before a change of user: this thread is to keep what it is permitted.
int capabilities_hold();
// After it: of what was held only the right to configure networks remains, and takes effect.
int capabilities_reduce();

}  // namespace vknetd
