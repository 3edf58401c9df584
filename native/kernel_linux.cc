// Linux's data plane below the seam: epoll, recvmmsg and sendmmsg, eventfd.
//
// Facts used here, beyond the manual pages: a control buffer that is absent makes the kernel
// release descriptors that came along (MSG_CTRUNC tells); end of file fills a recvmmsg with
// empty messages; ECONNRESET comes once, before what the peer had sent; epoll reports
// hang-ups even of what it was asked nothing about. A vector of one message takes a quarter
// longer than a call without (60 octets: recvmmsg 1,103 ns, recv 864; sendmmsg 1,132, send
// 924; Linux 6.18), a vector of two as long as two calls.

#include "segments.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace vknetd {

namespace {

const int kVectorMax = 64;

// ---- Receiving ----

// Empty messages at the end of a full vector are frames of no octets, or the end of file.
// Nothing distinguishes them but what is still queued and whether the other end has gone.
bool is_end(int fd, bool hangup) {
  if (!hangup) {
    struct pollfd look = {fd, POLLRDHUP, 0};
    if (poll(&look, 1, 0) <= 0 || (look.revents & (POLLRDHUP | POLLHUP)) == 0) return false;
  }
  int queued = 0;
  return ioctl(fd, SIOCINQ, &queued) < 0 || queued == 0;
}

// What recvmmsg and sendmmsg are given. The headers name the same vectors at every call and the kernel leaves
// them as they are, so they are written once a thread; to write all of them for one frame was most of the work.
struct Messages {
  struct mmsghdr headers[kVectorMax];
  struct iovec vectors[kVectorMax];

  Messages() {
    memset(headers, 0, sizeof(headers));
    for (int i = 0; i < kVectorMax; i++) {
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

Messages& messages_of_thread() {
  static thread_local Messages messages;
  return messages;
}

// recvmmsg(2), and what is cheaper for one message. Where descriptors may come along only a message's flags tell of
// them.
int receive_messages(int fd, PortKind kind, struct mmsghdr* messages, int count) {
  if (count > 1) {
    return recvmmsg(fd, messages, static_cast<unsigned int>(count), MSG_DONTWAIT, nullptr);
  }
  struct msghdr* message = &messages->msg_hdr;
  // recv(2) leaves them as another message had them.
  message->msg_flags = 0;
  const ssize_t size = kind == PortKind::Rightless
                           ? recv(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, MSG_DONTWAIT)
                           : recvmsg(fd, message, MSG_DONTWAIT);
  if (size < 0) return -1;
  messages->msg_len = static_cast<unsigned int>(size);
  return 1;
}

ReceiveResult socket_receive(int fd, PortKind kind, FrameSlot* frames, int count, uint32_t limit,
                             bool hangup) {
  Messages& of_thread = messages_of_thread();
  struct mmsghdr* messages = of_thread.headers;
  ReceiveResult result = {0, 0, false, 0};
  for (int i = 0; i < count; i++) {
    of_thread.vectors[i].iov_base = frames[i].bytes;
    of_thread.vectors[i].iov_len = limit + 1;
  }
  int received = -1;
  // ECONNRESET is told once and takes nothing with it; the bound is for a kernel that repeats it.
  for (int attempt = 0; attempt < 4 && received < 0; attempt++) {
    received = receive_messages(fd, kind, messages, count);
    if (received < 0 && errno != EINTR && errno != ECONNRESET) break;
  }
  if (received < 0) {
    const bool none = errno == EAGAIN || errno == EINTR || errno == ECONNRESET;
    result.error = none ? EAGAIN : errno;
    return result;
  }
  for (int i = 0; i < received; i++) {
    frames[i].size = messages[i].msg_len;
    if ((messages[i].msg_hdr.msg_flags & MSG_CTRUNC) != 0) result.rights++;
  }
  if (received == count && frames[count - 1].size == 0 && is_end(fd, hangup)) {
    while (received > 0 && frames[received - 1].size == 0) received--;
    result.ended = true;
  }
  result.count = received;
  return result;
}

ReceiveResult tap_receive(int fd, FrameSlot* frames, int count, uint32_t limit) {
  ReceiveResult result = {0, 0, false, 0};
  while (result.count < count) {
    const ssize_t size = read(fd, frames[result.count].bytes, limit + 1);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      result.error = errno;
      break;
    }
    frames[result.count++].size = static_cast<uint32_t>(size);
  }
  return result;
}

// ---- Sending ----

// sendmmsg(2), and what is cheaper for one message.
int send_messages(int fd, struct mmsghdr* messages, int count) {
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (count > 1) return sendmmsg(fd, messages, static_cast<unsigned int>(count), flags);
  const struct iovec* frame = messages->msg_hdr.msg_iov;
  return send(fd, frame->iov_base, frame->iov_len, flags) < 0 ? -1 : 1;
}

int socket_send(int fd, const FrameSlot* frames, int count, int* error) {
  Messages& of_thread = messages_of_thread();
  struct mmsghdr* messages = of_thread.headers;
  for (int i = 0; i < count; i++) {
    of_thread.vectors[i].iov_base = frames[i].bytes;
    of_thread.vectors[i].iov_len = frames[i].size;
  }
  int sent = 0;
  // A short count comes without a reason; the next call gives it.
  while (sent < count) {
    const int taken = send_messages(fd, messages + sent, count - sent);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) {
      *error = errno;
      break;
    }
    sent += taken;
  }
  return sent;
}

int tap_send(int fd, const FrameSlot* frames, int count, int* error) {
  int sent = 0;
  while (sent < count) {
    if (write(fd, frames[sent].bytes, frames[sent].size) < 0) {
      if (errno == EINTR) continue;
      *error = errno;
      break;
    }
    sent++;
  }
  return sent;
}

}  // namespace

int socket_accept(int listener, int send_buffer, int* spare, Peer* peer) {
  int fd = -1;
  for (int attempt = 0; attempt < 64; attempt++) {
    fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 || (errno != EINTR && errno != ECONNABORTED)) break;
  }
  if (fd < 0) {
    const int error = errno;
    if ((error == EMFILE || error == ENFILE) && *spare >= 0) {
      close(*spare);
      const int unwanted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      // The kernel looks for a free number first, and for a connection afterwards.
      const bool none = unwanted < 0 && errno == EAGAIN;
      if (unwanted >= 0) close(unwanted);
      *spare = spare_open();
      if (none) return -EAGAIN;
    }
    return -error;
  }
  const int unnamed = socket_peer(fd, peer);
  if (unnamed < 0) {
    close(fd);
    return unnamed;
  }
  socket_room(fd, send_buffer);
  return fd;
}

int socket_peer(int fd, Peer* peer) {
  struct ucred credentials;
  socklen_t length = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
  *peer = {credentials.uid, credentials.gid, credentials.pid};
  return 0;
}

void socket_refuse_rights(int listener) {
  const int off = 0;
  // Kernels before 6.16 do not know it; there MSG_CTRUNC tells of each.
  (void)setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

bool socket_refuses_rights(int fd) {
  int on = 1;
  socklen_t length = sizeof(on);
  return getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &on, &length) == 0 && on == 0;
}

int spare_open() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int poller_open() {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int poller_set(int poller, int fd, uint32_t tag, uint32_t flags, bool is_new) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.data.u32 = tag;
  if ((flags & POLL_READ) != 0) event.events |= EPOLLIN | EPOLLRDHUP;
  if ((flags & POLL_WRITE) != 0) event.events |= EPOLLOUT;
  // What asks for nothing would still be told of a hang-up, for ever: it is taken out meanwhile.
  if (event.events == 0) return is_new ? 0 : poller_remove(poller, fd);
  const int first = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(poller, first, fd, &event) == 0) return 0;
  if (first == EPOLL_CTL_MOD && errno == ENOENT &&
      epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0) {
    return 0;
  }
  return -errno;
}

int poller_remove(int poller, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  if (epoll_ctl(poller, EPOLL_CTL_DEL, fd, &event) == 0 || errno == ENOENT) return 0;
  return -errno;
}

int poller_wait(int poller, PollResult* out, int capacity, int timeout_ms) {
  struct epoll_event events[kVectorMax];
  if (capacity > kVectorMax) capacity = kVectorMax;
  const int count = epoll_wait(poller, events, capacity, timeout_ms);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    const uint32_t told = events[i].events;
    uint32_t flags = 0;
    if ((told & (EPOLLIN | EPOLLERR)) != 0) flags |= POLL_READ;
    if ((told & (EPOLLOUT | EPOLLERR)) != 0) flags |= POLL_WRITE;
    if ((told & (EPOLLHUP | EPOLLRDHUP)) != 0) flags |= POLL_HANGUP;
    out[i].tag = events[i].data.u32;
    out[i].flags = flags;
  }
  return count;
}

int wake_open(int fds[2]) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return -errno;
  fds[0] = fd;
  fds[1] = fd;
  return 0;
}

int wake_signal(int fd) {
  const uint64_t one = 1;
  // EAGAIN: the counter is full, so the other end is awake already.
  if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN) return -errno;
  return 0;
}

void wake_drain(int fd) {
  uint64_t count;
  (void)!read(fd, &count, sizeof(count));
}

ReceiveResult frames_receive(int fd, PortKind kind, FrameSlot* frames, int count, uint32_t limit,
                             bool hangup) {
  if (count > kVectorMax) count = kVectorMax;
  if (kind == PortKind::Tap) return tap_receive(fd, frames, count, limit);
  return socket_receive(fd, kind, frames, count, limit, hangup);
}

int frames_send(int fd, PortKind kind, const FrameSlot* frames, int count, int* error) {
  *error = 0;
  if (kind == PortKind::Tap) return tap_send(fd, frames, count, error);
  int sent = 0;
  while (sent < count && *error == 0) {
    const int vector = count - sent < kVectorMax ? count - sent : kVectorMax;
    sent += socket_send(fd, frames + sent, vector, error);
  }
  return sent;
}

int tap_prefixed(int fd) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  // What stands in for a tap, the end of a pipe, is not asked such things.
  if (ioctl(fd, TUNGETIFF, &request) < 0) return errno == ENOTTY || errno == EINVAL ? 0 : -errno;
  if ((request.ifr_flags & IFF_VNET_HDR) == 0) return 0;
  // Whoever had it before may have wanted another header.
  const int size = static_cast<int>(kOffloadBytes);
  const int little_endian = 1;
  if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0) return -errno;
  return 1;
}

// Not the coarse one: its ticks, up to 10 ms, are as long as a stall. 25 ns once a step.
double clock_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace vknetd
