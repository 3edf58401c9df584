// Sources: unix(7) SO_PEERCRED, SO_PEERGROUPS; DragonFly's unix(4) LOCAL_PEERCRED; getpwuid_r(3).

#include "control.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __DragonFly__
#include <sys/ucred.h>
#endif

namespace vknetd {

#ifdef __linux__

namespace {

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

// Most users are in a few groups; the kernel says how much room the others need.
const size_t kGroupsAtFirst = 64;
const size_t kGroupsMax = 65536;

bool in_other_groups(int fd, uint32_t gid) {
  for (size_t count = kGroupsAtFirst; count <= kGroupsMax;) {
    gid_t* groups = static_cast<gid_t*>(malloc(count * sizeof(gid_t)));
    if (groups == nullptr) return false;
    socklen_t size = static_cast<socklen_t>(count * sizeof(gid_t));
    const int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
    const int error = result < 0 ? errno : 0;
    bool found = false;
    for (size_t i = 0; result == 0 && i < size / sizeof(gid_t); i++) found = found || groups[i] == gid;
    free(groups);
    if (error != ERANGE || size / sizeof(gid_t) <= count) return found;
    count = size / sizeof(gid_t);
  }
  return false;
}

}  // namespace

int peer_caller(int fd, uint32_t gid, Caller* out) {
  struct ucred credentials;
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return -errno;
  // What is no Unix socket, or is not connected, has no such user.
  if (credentials.uid == static_cast<uid_t>(-1)) return -ENOTCONN;
  out->uid = credentials.uid;
  out->member = credentials.gid == gid || in_other_groups(fd, gid);
  return 0;
}

#else

int peer_caller(int fd, uint32_t gid, Caller* out) {
  struct xucred credentials;
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, 0, LOCAL_PEERCRED, &credentials, &size) < 0) return -errno;
  if (credentials.cr_version != XUCRED_VERSION) return -EINVAL;
  out->uid = credentials.cr_uid;
  out->member = false;
  for (int i = 0; i < credentials.cr_ngroups && i < NGROUPS; i++) {
    if (credentials.cr_groups[i] == gid) out->member = true;
  }
  return 0;
}

#endif

int user_name(uint32_t uid, char* out, size_t capacity) {
  struct passwd entry;
  struct passwd* found = nullptr;
  // The bound is for a broken database.
  for (size_t room = 4096; room <= (1u << 20); room *= 4) {
    char* buffer = static_cast<char*>(malloc(room));
    if (buffer == nullptr) return -ENOMEM;
    const int error = getpwuid_r(static_cast<uid_t>(uid), &entry, buffer, room, &found);
    const bool known = error == 0 && found != nullptr;
    if (known) snprintf(out, capacity, "%s", entry.pw_name);
    free(buffer);
    if (known) return 0;
    if (error != ERANGE && error != EINTR) return -ENOENT;
  }
  return -ENOENT;
}

}  // namespace vknetd
