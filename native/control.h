// Who stands at the other end of a connection of the control channel.
//
// The same manner as kernel.h: plain functions, no Node headers, the negated errno on failure.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vknetd {

struct Caller {
  uint32_t uid;
  bool member;  // of the group that was asked about, by its first or any other group
};

// The credentials of a connected AF_UNIX socket's other end, as they were when it connected, and
// whether they are a member's of the group.
int peer_caller(int fd, uint32_t gid, Caller* out);

// The name of a user, cut to `capacity` - 1 octets; or -ENOENT.
int user_name(uint32_t uid, char* out, size_t capacity);

}  // namespace vknetd
