// DragonFly BSD's half of the addon: what kernel.h asks of one system.
//
// Against Linux it lacks, and so here:
//   recvmmsg, sendmmsg   a frame is a call; a batch is a loop of calls that do not wait
//   epoll                kqueue: one filter for reading, one for writing, joined again by tag
//   eventfd              a pipe
//   SO_PASSRIGHTS        descriptors that come along are received, closed and counted
//   a peer's pid         0
// A tap is a descriptor whose reads and writes are bare frames; interface_dragonfly.cc opens it
// and sets up interfaces and bridges. Here are connections, waiting and frames.
// Manual pages: tap(4), unix(4), kqueue(2), accept(2), recv(2).
#if !defined(__DragonFly__)
#error "vknetd runs on DragonFly and Linux; this system is neither"
#endif

#include "abi_dragonfly.h"
#include "kernel.h"

namespace vknetd {
namespace {

// How often a call that a signal or a reset ended is made again; so nobody keeps us in it.
constexpr int TRIES = 16;

// A signal is nobody's failure: after so many, the poller will name the descriptor again.
int failure_of(int error) {
  return error == EINTR ? EAGAIN : error;
}

}  // namespace

// ---- Connections ----

int spare_open() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

void socket_refuse_rights(int) {}  // no such option; frames_receive closes what comes

bool socket_refuses_rights(int) { return false; }

namespace {

// The kernel takes a descriptor before it looks for a connection: that there was none free does
// not yet say that anybody waits.
int accept_and_close(int listener, int* spare, int error) {
  if (*spare >= 0) close(*spare);
  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 && errno == EAGAIN) error = EAGAIN;
  if (fd >= 0) close(fd);
  *spare = spare_open();
  return -error;
}

}  // namespace

int socket_accept(int listener, int send_buffer, int* spare, Peer* peer) {
  int error = EAGAIN;
  for (int tries = 0; tries < TRIES; ++tries) {
    // accept4(2), unlike accept(2), lets nothing be inherited from the listener's descriptor.
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      error = errno;
      if (error == EMFILE || error == ENFILE) return accept_and_close(listener, spare, error);
      if (error != EINTR && error != ECONNABORTED) return -error;
      continue;
    }
    if (socket_peer(fd, peer) != 0) {  // without a name there is no connection
      close(fd);
      error = ECONNABORTED;
      continue;
    }
    // Cut silently to what kern.ipc.maxsockbuf allows; refused beyond the user's sbsize limit.
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    return fd;
  }
  return -failure_of(error);
}

int socket_peer(int fd, Peer* peer) {
  uid_t uid = 0;
  gid_t gid = 0;
  if (getpeereid(fd, &uid, &gid) != 0) return -errno;
  *peer = {uid, gid, 0};
  return 0;
}

// ---- Waiting ----

int poller_open() {
  const int poller = kqueue();
  if (poller < 0) return -errno;
  fcntl(poller, F_SETFD, FD_CLOEXEC);
  return poller;
}

// A filter is there if its flag is asked for and else not at all: one that is merely
// disabled would keep what it saw last.
int poller_set(int poller, int fd, uint32_t tag, uint32_t flags, bool is_new) {
  constexpr struct {
    short filter;
    uint32_t flag;
  } FILTERS[] = {{EVFILT_READ, POLL_READ}, {EVFILT_WRITE, POLL_WRITE}};
  constexpr timespec AT_ONCE = {0, 0};

  struct kevent changes[2];
  int count = 0;
  for (const auto& row : FILTERS) {
    const bool is_wanted = (flags & row.flag) != 0;
    if (!is_wanted && is_new) continue;
    const int action = is_wanted ? EV_ADD : EV_DELETE;
    EV_SET(&changes[count], fd, row.filter, action | EV_RECEIPT, 0, 0,
           reinterpret_cast<void*>(static_cast<uintptr_t>(tag)));
    ++count;
  }
  if (count == 0) return 0;

  // A receipt for each change, and no event in between.
  struct kevent receipts[2];
  const int received = kevent(poller, changes, count, receipts, count, &AT_ONCE);
  if (received < 0) return -errno;
  for (int i = 0; i < received; ++i) {
    const bool was_absent = receipts[i].data == ENOENT && (changes[i].flags & EV_DELETE) != 0;
    if (receipts[i].data != 0 && !was_absent) return -static_cast<int>(receipts[i].data);
  }
  return 0;
}

int poller_remove(int poller, int fd) {
  return poller_set(poller, fd, 0, 0, false);
}

int poller_wait(int poller, PollResult* out, int capacity, int timeout_ms) {
  constexpr int EVENTS = 64;
  constexpr short FILTERS[] = {EVFILT_READ, EVFILT_WRITE};
  struct kevent events[EVENTS];
  const timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1'000'000L};
  const int asked = capacity < EVENTS ? capacity : EVENTS;
  const int count = kevent(poller, nullptr, 0, events, asked, timeout_ms < 0 ? nullptr : &timeout);
  if (count < 0) return errno == EINTR ? 0 : -errno;

  // Two filters of one descriptor are one result. Few wait to write, so those are looked up.
  int rows = 0;
  for (const short filter : FILTERS) {
    for (int i = 0; i < count; ++i) {
      const struct kevent& event = events[i];
      if (event.filter != filter) continue;
      const auto tag = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(event.udata));
      int row = filter == EVFILT_READ ? rows : 0;
      while (row < rows && out[row].tag != tag) ++row;
      if (row == rows) out[rows++] = {tag, 0};
      out[row].flags |= filter == EVFILT_READ ? POLL_READ : POLL_WRITE;
      if ((event.flags & EV_EOF) != 0) out[row].flags |= POLL_HANGUP;
    }
  }
  return rows;
}

int wake_open(int fds[2]) {
  return pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
}

int wake_signal(int fd) {
  if (write(fd, "", 1) == 1 || errno == EAGAIN) return 0;  // full: it has been woken already
  return -errno;
}

void wake_drain(int fd) {
  char octets[512];
  while (read(fd, octets, sizeof octets) == sizeof octets) {
  }
}

double clock_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_FAST, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// ---- Frames ----

namespace {

// Closes the descriptors that came with a record; their number.
//
// Looks at the first control message only. The kernel translates descriptors in that one and
// lets any further one through as the sender wrote it: closing what a second one
// names would let a guest close whatever descriptor of ours it likes.
uint32_t rights_close(const msghdr& message) {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return 0;
  if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return 0;
  if (header->cmsg_len < CMSG_LEN(0) || header->cmsg_len > message.msg_controllen) return 0;
  const uint32_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (uint32_t i = 0; i < count; ++i) {
    int fd;
    memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    // Non-blocking first: the last close of a lingering socket or of a terminal would wait.
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    close(fd);
  }
  return count;
}

bool octets_wait(int fd) {
  int octets = 0;
  return ioctl(fd, FIONREAD, &octets) == 0 && octets > 0;
}

// The kernel passes over a record of no octets, unless it was sent with MSG_EOR, brought control
// messages, or the peer has gone. So 0 is one of those, or the end; and it is the end
// where no octets wait behind it.
ReceiveResult socket_receive(int fd, FrameSlot* frames, int count, uint32_t limit, bool hangup) {
  constexpr size_t CONTROL_OCTETS = 2048;  // an mbuf cluster: more the kernel does not carry
  alignas(cmsghdr) char control[CONTROL_OCTETS];
  ReceiveResult result = {0, 0, false, 0};
  int tries = 0;
  while (result.count < count) {
    FrameSlot& frame = frames[result.count];
    iovec part = {frame.bytes, limit};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EMSGSIZE) {
      // More descriptors came along than we have free. The kernel dropped them and the
      // record; its octets are not known, only that it was one: a frame that was cut.
      frame.size = limit + 1;
      ++result.count;
      ++result.rights;
      continue;
    }
    if (size < 0) {
      if ((errno == EINTR || errno == ECONNRESET) && ++tries < TRIES) continue;
      result.error = failure_of(errno);
      break;
    }
    result.rights += rights_close(message);
    const bool is_empty = size == 0 && message.msg_controllen == 0;
    if (is_empty && (message.msg_flags & MSG_EOR) == 0 && !octets_wait(fd)) {
      // Without a hang-up the other end went after the poller looked; it will say so next time.
      result.ended = hangup;
      result.error = hangup ? 0 : EAGAIN;
      break;
    }
    frame.size = (message.msg_flags & MSG_TRUNC) != 0 ? limit + 1 : static_cast<uint32_t>(size);
    ++result.count;
  }
  return result;
}

// A tap cuts silently, so one octet more is offered than a frame may have. It has no end.
ReceiveResult tap_receive(int fd, FrameSlot* frames, int count, uint32_t limit) {
  ReceiveResult result = {0, 0, false, 0};
  int tries = 0;
  while (result.count < count) {
    FrameSlot& frame = frames[result.count];
    uint8_t surplus;
    const iovec parts[2] = {{frame.bytes, limit}, {&surplus, 1}};
    const ssize_t size = readv(fd, parts, 2);
    if (size < 0) {
      if (errno == EINTR && ++tries < TRIES) continue;
      result.error = failure_of(errno);
      break;
    }
    frame.size = static_cast<uint32_t>(size);
    ++result.count;
  }
  return result;
}

}  // namespace

ReceiveResult frames_receive(int fd, PortKind kind, FrameSlot* frames, int count,
                             uint32_t limit, bool hangup) {
  return kind == PortKind::Tap ? tap_receive(fd, frames, count, limit)
                               : socket_receive(fd, frames, count, limit, hangup);
}

int frames_send(int fd, PortKind kind, const FrameSlot* frames, int count, int* error) {
  int tries = 0;
  int sent = 0;
  while (sent < count) {
    const FrameSlot& frame = frames[sent];
    const ssize_t size = kind == PortKind::Tap
                             ? write(fd, frame.bytes, frame.size)
                             : send(fd, frame.bytes, frame.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size >= 0) {
      ++sent;
      continue;
    }
    if (errno == EINTR && ++tries < TRIES) continue;
    *error = failure_of(errno);
    break;
  }
  return sent;
}

// No tap of this kernel's leaves anything to its reader.
int tap_prefixed(int) { return 0; }

}  // namespace vknetd
