// What DragonFly and Linux spell alike: sockets at a path, pid files, groups.
//
// The rules are those of unix(4) and flock(2) as both systems keep them. Setup only:
// nothing here runs once frames move.

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

namespace vknetd {

namespace {

// DragonFly refuses a connect at once when the backlog is full, with the errno of a socket on which
// nobody listens. A live switch empties its backlog between two attempts. Linux answers EAGAIN.
#ifdef __DragonFly__
const int kConnectAttempts = 5;
#else
const int kConnectAttempts = 1;
#endif
const long kConnectPauseMs = 20;

// Anybody who can read a directory can lock it, so a lock that does not come is not waited for for
// ever. Without it two switches that start in the same instant may both replace a stale socket.
const int kLockAttempts = 100;
const long kLockPauseMs = 20;

const size_t kPathMax = 4096;

void pause_ms(long milliseconds) {
  struct timespec span = {0, milliseconds * 1000000};
  nanosleep(&span, nullptr);
}

void close_keeping_errno(int fd) {
  const int kept = errno;
  close(fd);
  errno = kept;
}

// Fills `address`, or -ENAMETOOLONG. An empty path would mean a name outside the file system.
int address_of(const char* path, struct sockaddr_un* address) {
  const size_t length = strlen(path);
  if (length == 0) return -ENOENT;
  if (length >= sizeof(address->sun_path)) return -ENAMETOOLONG;
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, length + 1);
  return 0;
}

// The directory in which `path` names an entry.
int directory_of(const char* path, char* out, size_t capacity) {
  const char* slash = strrchr(path, '/');
  if (slash == nullptr) {
    memcpy(out, ".", 2);
    return 0;
  }
  const size_t length = slash == path ? 1 : static_cast<size_t>(slash - path);
  if (length >= capacity) return -ENAMETOOLONG;
  memcpy(out, path, length);
  out[length] = '\0';
  return 0;
}

// 0 if an entry can be made beside `path`.
int directory_writable(const char* path) {
  char directory[kPathMax];
  const int error = directory_of(path, directory, sizeof(directory));
  if (error < 0) return error;
  return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

// The locked directory of `path`, or -1 if it cannot be had.
int directory_lock(const char* path) {
  char directory[kPathMax];
  if (directory_of(path, directory, sizeof(directory)) < 0) return -1;
  const int fd = open(directory, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  for (int i = 0; i < kLockAttempts; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    pause_ms(kLockPauseMs);
  }
  close(fd);
  return -1;
}

int local_open(int type) {
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  return fd < 0 ? -errno : fd;
}

int seqpacket_open() { return local_open(SOCK_SEQPACKET); }

// Connects once to what stands at the address: 0 if somebody accepts, or the negated errno.
int connect_once(const struct sockaddr_un* address) {
  const int fd = seqpacket_open();
  if (fd < 0) return fd;
  int result;
  do {
    result = connect(fd, reinterpret_cast<const struct sockaddr*>(address), sizeof(*address));
  } while (result < 0 && errno == EINTR);
  const int error = result < 0 ? -errno : 0;
  close(fd);
  return error;
}

// 1 if nobody listens there, or the negated errno.
int probe_listener(const struct sockaddr_un* address) {
  int error = 0;
  for (int i = 0; i < kConnectAttempts; i++) {
    if (i > 0) pause_ms(kConnectPauseMs);
    error = connect_once(address);
    if (error != -ECONNREFUSED) break;
  }
  switch (error) {
    case -ECONNREFUSED:
      return 1;
    case -ENOENT:
      return 0;
    case 0:
    case -EAGAIN:       // its backlog is full
    case -EINPROGRESS:
    case -EPROTOTYPE:   // a socket of another type
      return -EADDRINUSE;
    default:
      return error;
  }
}

// Gives the node its group. Without an explicit one a directory's may have been inherited.
int node_group(const char* path, int64_t gid) {
  struct stat node;
  if (lstat(path, &node) < 0) return -errno;
  const gid_t wanted = gid < 0 ? getegid() : static_cast<gid_t>(gid);
  if (node.st_gid == wanted) return 0;
  return lchown(path, static_cast<uid_t>(-1), wanted) < 0 ? -errno : 0;
}

// Gives the node its mode, and nothing that a link put in its place would lead to.
int node_mode(const char* path, uint32_t mode) {
  const mode_t bits = static_cast<mode_t>(mode & 0777);
  if (fchmodat(AT_FDCWD, path, bits, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOTSUP && errno != ENOSYS) return -errno;
  struct stat node;
  if (lstat(path, &node) < 0) return -errno;
  if (!S_ISSOCK(node.st_mode)) return -ENOTSOCK;
  return chmod(path, bits) < 0 ? -errno : 0;
}

// The steps after bind(2), in the order that keeps strangers out.
int node_finish(int fd, const char* path, int64_t gid, uint32_t mode, int backlog,
                uint64_t* device, uint64_t* inode) {
  int error = node_group(path, gid);
  if (error < 0) return error;
  if (listen(fd, backlog) < 0) return -errno;
  error = node_mode(path, mode);
  if (error < 0) return error;
  struct stat node;
  if (lstat(path, &node) < 0) return -errno;
  *device = static_cast<uint64_t>(node.st_dev);
  *inode = static_cast<uint64_t>(node.st_ino);
  return 0;
}

int listen_locked(int type, const char* path, int64_t gid, uint32_t mode, int backlog,
                  uint64_t* device, uint64_t* inode) {
  struct sockaddr_un address;
  int error = address_of(path, &address);
  if (error < 0) return error;
  const int found = socket_probe(path);
  if (found < 0) return found;
  const int fd = local_open(type);
  if (fd < 0) return fd;
  if (found == 1 && unlink(path) < 0 && errno != ENOENT) {
    error = -errno;
    close(fd);
    return error;
  }
  socket_refuse_rights(fd);
  const mode_t before = umask(0777);
  const int bound = bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address));
  error = bound < 0 ? -errno : 0;
  umask(before);
  if (error < 0) {
    close(fd);
    return error;
  }
  error = node_finish(fd, path, gid, mode, backlog, device, inode);
  if (error == 0) return fd;
  unlink(path);
  close(fd);
  return error;
}

// The pid a file tells, or 0.
int32_t pid_read(int fd) {
  char text[32];
  const ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
  if (size <= 0) return 0;
  text[size] = '\0';
  const long long pid = strtoll(text, nullptr, 10);
  return pid > 0 && pid <= INT32_MAX ? static_cast<int32_t>(pid) : 0;
}

int pid_write(int fd, int32_t pid) {
  char text[16];
  const int size = snprintf(text, sizeof(text), "%d\n", static_cast<int>(pid));
  if (ftruncate(fd, 0) < 0) return -errno;
  const ssize_t written = pwrite(fd, text, static_cast<size_t>(size), 0);
  if (written < 0) return -errno;
  return written == size ? 0 : -EIO;
}

// An open, locked regular file; -EWOULDBLOCK if another process has it locked.
int pidfile_lock(const char* path, int flags, int operation, int32_t* holder) {
  *holder = 0;
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644);
  if (fd < 0) return -errno;
  struct stat file;
  int error = 0;
  if (fstat(fd, &file) < 0) {
    error = -errno;
  } else if (!S_ISREG(file.st_mode)) {
    error = -EINVAL;
  } else if (flock(fd, operation | LOCK_NB) < 0) {
    error = -errno;
    if (errno == EWOULDBLOCK) *holder = pid_read(fd);
  }
  if (error == 0) return fd;
  close(fd);
  return error;
}

}  // namespace

int socket_probe(const char* path) {
  struct sockaddr_un address;
  const int error = address_of(path, &address);
  if (error < 0) return error;
  struct stat node;
  if (lstat(path, &node) < 0) return errno == ENOENT ? directory_writable(path) : -errno;
  if (!S_ISSOCK(node.st_mode)) return -ENOTSOCK;
  return probe_listener(&address);
}

int socket_listen(const char* path, int64_t gid, uint32_t mode, int backlog, uint64_t* device,
                  uint64_t* inode) {
  const int lock = directory_lock(path);
  const int fd = listen_locked(SOCK_SEQPACKET, path, gid, mode, backlog, device, inode);
  if (lock >= 0) close(lock);
  return fd;
}

int stream_listen(const char* path, int64_t gid, uint32_t mode, int backlog, uint64_t* device,
                  uint64_t* inode) {
  const int lock = directory_lock(path);
  const int fd = listen_locked(SOCK_STREAM, path, gid, mode, backlog, device, inode);
  if (lock >= 0) close(lock);
  return fd;
}

// While the listening descriptor is open its inode number is not given to another node, so
// this is to be called before it is closed.
int socket_unlink(const char* path, uint64_t device, uint64_t inode) {
  struct stat node;
  if (lstat(path, &node) < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
  const bool same = S_ISSOCK(node.st_mode) && static_cast<uint64_t>(node.st_dev) == device &&
                    static_cast<uint64_t>(node.st_ino) == inode;
  if (!same) return 0;
  return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int socket_connect(const char* path) {
  struct sockaddr_un address;
  const int error = address_of(path, &address);
  if (error < 0) return error;
  const int fd = seqpacket_open();
  if (fd < 0) return fd;
  int result;
  do {
    result = connect(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address));
  } while (result < 0 && errno == EINTR);
  if (result == 0) return fd;
  close_keeping_errno(fd);
  return -errno;
}

void connection_end(int fd) {
  shutdown(fd, SHUT_RDWR);
  close(fd);
}

int socket_pair(int send_buffer, int fds[2]) {
  const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (socketpair(AF_UNIX, type, 0, fds) < 0) return -errno;
  socket_room(fds[0], send_buffer);
  socket_room(fds[1], send_buffer);
  return 0;
}

void socket_room(int fd, int send_buffer) {
  if (send_buffer <= 0) return;
#ifdef SO_SNDBUFFORCE
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof(send_buffer)) == 0) return;
#endif
  // A BSD may refuse what is above its limit, where Linux grants as much as it can.
  for (int room = send_buffer; room > 0; room /= 2) {
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0) return;
  }
}

int pidfile_hold(const char* path, int32_t pid, int32_t* holder) {
  // A file that was removed or replaced between open and lock protects nothing: once more.
  for (int i = 0; i < 16; i++) {
    int fd = pidfile_lock(path, O_RDWR | O_CREAT | O_EXCL, LOCK_EX, holder);
    const bool made = fd != -EEXIST;
    if (!made) fd = pidfile_lock(path, O_RDWR | O_CREAT, LOCK_EX, holder);
    if (fd < 0) return fd;
    struct stat ours;
    struct stat named;
    const bool same = fstat(fd, &ours) == 0 && lstat(path, &named) == 0 &&
                      ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    if (!same) {
      close(fd);
      continue;
    }
    const int error = pid_write(fd, pid);
    if (error == 0) return fd;
    // Without a number it tells nobody anything; one that was there before is not ours to remove.
    if (made) unlink(path);
    close(fd);
    return error;
  }
  return -EAGAIN;
}

int pidfile_probe(const char* path, int32_t* holder) {
  // A shared lock, so that two who ask do not take each other for a holder.
  const int fd = pidfile_lock(path, O_RDONLY, LOCK_SH, holder);
  if (fd == -ENOENT) return directory_writable(path);
  if (fd < 0) return fd;
  close(fd);
  return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int64_t group_gid(const char* name) {
  struct group entry;
  struct group* found = nullptr;
  // A group of many members needs a large buffer; the bound is for a broken database.
  for (size_t capacity = 4096; capacity <= (1u << 24); capacity *= 4) {
    char* buffer = static_cast<char*>(malloc(capacity));
    if (buffer == nullptr) return -ENOMEM;
    const int error = getgrnam_r(name, &entry, buffer, capacity, &found);
    const int64_t gid = error == 0 && found != nullptr ? static_cast<int64_t>(entry.gr_gid) : -1;
    free(buffer);
    if (gid >= 0) return gid;
    if (error != ERANGE && error != EINTR) return -ENOENT;
  }
  return -ENOENT;
}

}  // namespace vknetd
