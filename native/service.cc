// Sources: sd_notify(3), syslog(3), unix(7), prctl(2), seccomp(2), capabilities(7).

#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace vknetd {

namespace {

// The octets of a filled address, or the negated errno.
int named_address(const char* path, struct sockaddr_un* address) {
  const size_t length = strlen(path);
  if (length < 2 || (path[0] != '/' && path[0] != '@')) return -EINVAL;
  if (length >= sizeof(address->sun_path)) return -ENAMETOOLONG;
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length);
  if (path[0] != '@') return static_cast<int>(sizeof(*address));
#ifdef __linux__
  // Such a name is as long as the address says; NULs behind it would be part of it.
  address->sun_path[0] = '\0';
  return static_cast<int>(offsetof(struct sockaddr_un, sun_path) + length);
#else
  return -EINVAL;
#endif
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

}  // namespace

int datagram_send(const char* path, const char* text, size_t size, int wait_ms, int along) {
  struct sockaddr_un address;
  const int length = named_address(path, &address);
  if (length < 0) return length;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int error = 0;
  if (connect(fd, reinterpret_cast<struct sockaddr*>(&address), static_cast<socklen_t>(length)) < 0) {
    error = -errno;
  }
  struct iovec part = {const_cast<char*>(text), size};
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
  if (along >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &along, sizeof(along));
  }
  for (int attempt = 0; error == 0; attempt++) {
    if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) break;
    if (errno == EINTR) continue;
    error = -errno;
    const bool full = error == -EAGAIN || error == -EWOULDBLOCK || error == -ENOBUFS;
    struct pollfd room = {fd, POLLOUT, 0};
    if (full && attempt == 0 && wait_ms > 0 && poll(&room, 1, wait_ms) > 0) error = 0;
  }
  close(fd);
  return error;
}

int notify_barrier(const char* path, int wait_ms) {
  static const char word[] = "BARRIER=1";
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  const int error = datagram_send(path, word, sizeof(word) - 1, wait_ms, ends[1]);
  close(ends[1]);
  // Whoever has read the message closes the other end.
  struct pollfd closed = {ends[0], 0, 0};
  const int found = error < 0 ? error : poll(&closed, 1, wait_ms);
  close(ends[0]);
  return found < 0 ? (error < 0 ? error : 0) : found;
}

int connection_adopt(int fd, Peer* out) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof(address));
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<struct sockaddr*>(&address), &length) < 0) return -errno;
  if (address.sun_family != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET) return -EPROTOTYPE;
#ifdef SO_ACCEPTCONN
  if (option_of(fd, SO_ACCEPTCONN) != 0) return -EINVAL;
#endif
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  return socket_peer(fd, out);
}

int listener_inherit(int fd, InheritedListener* out) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof(address));
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<struct sockaddr*>(&address), &length) < 0) return -errno;
  if (address.sun_family != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET) return -EPROTOTYPE;
#ifdef SO_ACCEPTCONN
  if (option_of(fd, SO_ACCEPTCONN) == 0) return -EINVAL;
#endif
  if (length <= offsetof(struct sockaddr_un, sun_path) || address.sun_path[0] == '\0') return -ENOENT;
  memset(out, 0, sizeof(*out));
  memcpy(out->path, address.sun_path, sizeof(address.sun_path));
  struct stat node;
  if (stat(out->path, &node) < 0) return -errno;
  out->mode = static_cast<uint32_t>(node.st_mode & 07777);
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  socket_refuse_rights(fd);
  return 0;
}

int same_node(const char* path, const char* other) {
  struct stat one;
  struct stat two;
  if (stat(path, &one) < 0 || stat(other, &two) < 0) return 0;
  return one.st_dev == two.st_dev && one.st_ino == two.st_ino ? 1 : 0;
}

int user_ids(const char* name, uint32_t* uid, uint32_t* gid) {
  struct passwd entry;
  struct passwd* found = nullptr;
  // The bound is for a broken database.
  for (size_t capacity = 4096; capacity <= (1u << 20); capacity *= 4) {
    char* buffer = static_cast<char*>(malloc(capacity));
    if (buffer == nullptr) return -ENOMEM;
    const int error = getpwnam_r(name, &entry, buffer, capacity, &found);
    if (error == 0 && found != nullptr) {
      *uid = static_cast<uint32_t>(entry.pw_uid);
      *gid = static_cast<uint32_t>(entry.pw_gid);
      free(buffer);
      return 0;
    }
    free(buffer);
    if (error != ERANGE && error != EINTR) return -ENOENT;
  }
  return -ENOENT;
}

// The C library changes all threads on Linux, nptl(7); elsewhere a process has one user. Node's own functions do the
// same, but some releases refuse to whenever they were built with a libuv of the system's.
int identity_become(uint32_t uid, uint32_t gid) {
  const gid_t group = static_cast<gid_t>(gid);
  if (setgroups(1, &group) < 0 || setgid(group) < 0) return -errno;
  return setuid(static_cast<uid_t>(uid)) < 0 ? -errno : 0;
}

#ifdef __linux__

int privileges_seal() {
  // Set by a service manager before the program began, every thread has it.
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return 0;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  // That was for this thread. The one call that gives it to the others, which the engine started before
  // any of our code ran, is the synchronization of filters; the filter itself lets everything through.
  struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  struct sock_fprog program = {1, &allow};
  unsigned flags = SECCOMP_FILTER_FLAG_TSYNC;
#ifdef SECCOMP_FILTER_FLAG_SPEC_ALLOW
  flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
#endif
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) return -errno;
  return result == 0 ? 0 : -EBUSY;
}

int capabilities_hold() { return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0; }

int capabilities_reduce() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  memset(data, 0, sizeof(data));
  data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective = CAP_TO_MASK(CAP_NET_ADMIN);
  data[CAP_TO_INDEX(CAP_NET_ADMIN)].permitted = CAP_TO_MASK(CAP_NET_ADMIN);
  if (syscall(SYS_capset, &header, data) < 0) return -errno;
  return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

#else

int privileges_seal() { return 0; }
int capabilities_hold() { return -EOPNOTSUPP; }
int capabilities_reduce() { return -EOPNOTSUPP; }

#endif

}  // namespace vknetd
