// An exchange from its opening to its end: what it holds, connections on their way in, ports.

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "loop.h"

namespace vknetd {

namespace {

const uint32_t kAcceptsMax = 64;
// A listener whose accept fails stays readable; looked at all the time it would take a whole CPU. As in
// FrameExchange.ts.
const int kListenerRestMs = 100;

bool is_socket(int fd) {
  struct stat file;
  return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode);
}

PortKind socket_kind(int fd) { return socket_refuses_rights(fd) ? PortKind::Rightless : PortKind::Socket; }

template <typename T>
T* allocate(size_t count) {
  return static_cast<T*>(calloc(count == 0 ? 1 : count, sizeof(T)));
}

}  // namespace

Exchange::Exchange(const SharedArrays& arrays, const ExchangeOptions& options)
    : arrays_(arrays),
      options_(options),
      poller_(-1),
      spare_(-1),
      listeners_{{options.listener, false, 0, false}, {options.trunk_listener, false, 0, false}},
      ports_(allocate<Port>(options.port_count)),
      segment_tap_(nullptr),
      slots_(allocate<FrameSlot>(options.batch_frames)),
      chain_(allocate<uint32_t>(arrays.plan_capacity)),
      touched_(allocate<uint16_t>(options.port_count)),
      touched_count_(0),
      failed_(0),
      event_count_(0),
      pending_(nullptr),
      pending_count_(0),
      pending_capacity_(0) {}

Exchange::~Exchange() {
  shutdown();
  free(ports_);
  free(slots_);
  free(chain_);
  free(touched_);
  free(pending_);
}

int Exchange::open() {
  if (ports_ == nullptr || slots_ == nullptr || chain_ == nullptr || touched_ == nullptr) {
    return -ENOMEM;
  }
  for (uint32_t i = 0; i < options_.port_count; i++) {
    ports_[i].fd = -1;
    ports_[i].head = kNone;
  }
  for (uint32_t i = 0; i < options_.batch_frames; i++) {
    slots_[i].bytes = arrays_.bytes + static_cast<size_t>(i) * options_.slot_bytes;
  }
  poller_ = poller_open();
  if (poller_ < 0) return poller_;
  int error = 0;
  for (uint32_t i = 0; error >= 0 && i < kEntrances; i++) {
    if (listeners_[i].fd >= 0) error = watch_listener(i);
  }
  if (error >= 0 && options_.wake >= 0) {
    error = poller_set(poller_, options_.wake, kTagWake, POLL_READ, true);
  }
  return error < 0 ? error : 0;
}

int Exchange::watch_listener(uint32_t entrance) {
  if (spare_ < 0) spare_ = spare_open();
  if (spare_ < 0) return spare_;
  return poller_set(poller_, listeners_[entrance].fd, kTagListener + entrance, POLL_READ, true);
}

int Exchange::listen(uint32_t entrance, int fd) {
  if (poller_ < 0 || entrance >= kEntrances || listeners_[entrance].fd >= 0) return -EINVAL;
  listeners_[entrance].fd = fd;
  return watch_listener(entrance);
}

// ---- Accepting ----

void Exchange::accept_waiting(uint32_t entrance) {
  const int listener = listeners_[entrance].fd;
  for (uint32_t i = 0; i < kAcceptsMax && event_count_ < arrays_.event_capacity; i++) {
    Peer peer = {0, 0, 0};
    if (spare_ < 0) spare_ = spare_open();
    const bool spared = spare_ >= 0;
    const int fd = socket_accept(listener, options_.send_buffer, &spare_, &peer);
    if (fd == -EAGAIN || fd == -EWOULDBLOCK) return;
    if (fd < 0) {
      tell(EventKind::AcceptError, 0, -fd, nullptr);
      // With a descriptor to spend, the connection is gone and the next one may be looked at.
      const bool exhausted = fd == -EMFILE || fd == -ENFILE;
      if (!exhausted || !spared) return rest_listener(entrance);
    } else if (hold_pending(fd)) {
      tell(EventKind::Connect, entrance, fd, &peer);
    } else {
      close(fd);
      tell(EventKind::AcceptError, 0, ENOMEM, nullptr);
    }
  }
}

void Exchange::rest_listener(uint32_t entrance) {
  Listener& listener = listeners_[entrance];
  listener.rests = true;
  listener.until_ms = clock_ms() + kListenerRestMs;
  poller_set(poller_, listener.fd, kTagListener + entrance, 0, false);
}

void Exchange::rest_listeners() {
  for (uint32_t i = 0; i < kEntrances; i++) {
    if (listeners_[i].fd < 0) continue;
    if (listeners_[i].rests) listeners_[i].until_ms = clock_ms() + kListenerRestMs;
    else rest_listener(i);
  }
}

void Exchange::wake_listener(uint32_t entrance) {
  listeners_[entrance].rests = false;
  const int error = poller_set(poller_, listeners_[entrance].fd, kTagListener + entrance, POLL_READ, false);
  // Short of memory, as it may be when many come: once more later, or nobody would be let in again.
  if (error < 0) rest_listener(entrance);
}

// ---- Ports ----

bool Exchange::attached(uint32_t port) const {
  return port < options_.port_count && ports_[port].fd >= 0;
}

int Exchange::descriptor(uint32_t port) const { return attached(port) ? ports_[port].fd : -1; }

bool Exchange::rest_tap(bool on) {
  if (segment_tap_ == nullptr) return false;
  segment_tap_->hold_back(on);
  return segment_tap_->waits();
}

void Exchange::park(int timeout_ms) {
  struct pollfd wake = {options_.wake, POLLIN, 0};
  if (poll(&wake, 1, timeout_ms) > 0) wake_drain(options_.wake);
}

int Exchange::poll_port(uint32_t index, bool is_new) {
  const Port& port = ports_[index];
  uint32_t flags = 0;
  if (!port.ended && !port.paused) flags |= POLL_READ;
  if (!port.ended && port.refusing) flags |= POLL_WRITE;
  return poller_set(poller_, port.fd, index, flags, is_new);
}

int Exchange::attach(uint32_t index, int fd, PortKind kind) {
  if (poller_ < 0) return -EBADF;
  if (index >= options_.port_count || fd < 0) return -EINVAL;
  if (attached(index)) return -EBUSY;
  ports_[index] = Port{fd, kind, false, false, false, kNone, kNone};
  const int error = poll_port(index, true);
  if (error < 0) ports_[index].fd = -1;
  return error;
}

void Exchange::detach(uint32_t index) {
  poller_remove(poller_, ports_[index].fd);
  ports_[index].fd = -1;
  if (index != 0) return;
  if (link_.descriptor() >= 0) poller_remove(poller_, link_.descriptor());
  link_.stop();
  delete segment_tap_;
  segment_tap_ = nullptr;
}

int Exchange::admit(int fd, uint32_t port) {
  take_pending(fd);
  const int error = port == 0 ? -EINVAL : attach(port, fd, socket_kind(fd));
  if (error < 0 && fd >= 0) close(fd);
  return error;
}

void Exchange::refuse(int fd) {
  if (take_pending(fd)) close(fd);
}

// A connected socket may stand in for a tap: a simulated host is at its other end.
int Exchange::attach_tap(int fd, const TapLink* known) {
  if (is_socket(fd)) return attach(0, fd, socket_kind(fd));
  const int prefixed = attached(0) ? 0 : tap_prefixed(fd);
  if (prefixed < 0) return prefixed;
  int error = attach(0, fd, PortKind::Tap);
  if (error < 0) return error;
  if (prefixed == 1) error = attach_segments(fd);
  if (error == 0) error = watch_link(fd, known);
  if (error < 0) detach(0);
  return error;
}

int Exchange::attach_segments(int fd) {
  segment_tap_ = new (std::nothrow) SegmentTap(fd);
  return segment_tap_ == nullptr ? -ENOMEM : 0;
}

int Exchange::watch_link(int fd, const TapLink* known) {
  const int error = link_.start(fd, known);
  if (error < 0 || link_.descriptor() < 0) return error;
  return poller_set(poller_, link_.descriptor(), kTagLink, POLL_READ, true);
}

void Exchange::detach_tap() {
  if (attached(0)) detach(0);
}

void Exchange::close_port(uint32_t port) {
  if (port == 0 || !attached(port)) return;
  const int fd = ports_[port].fd;
  detach(port);
  connection_end(fd);
}

void Exchange::pause(uint32_t port) {
  if (!attached(port) || ports_[port].paused) return;
  ports_[port].paused = true;
  poll_port(port, false);
}

void Exchange::resume(uint32_t port) {
  if (!attached(port) || !ports_[port].paused) return;
  ports_[port].paused = false;
  poll_port(port, false);
}

void Exchange::shutdown() {
  if (poller_ < 0) return;
  detach_tap();
  // Only this process's descriptors: another may have the connections now, or may be about to.
  for (uint32_t i = 1; i < options_.port_count; i++) {
    if (attached(i)) close(ports_[i].fd);
    ports_[i].fd = -1;
  }
  while (pending_count_ > 0) close(pending_[--pending_count_]);
  if (spare_ >= 0) close(spare_);
  close(poller_);
  spare_ = -1;
  poller_ = -1;
}

bool Exchange::hold_pending(int fd) {
  if (pending_count_ == pending_capacity_) {
    const size_t capacity = pending_capacity_ == 0 ? kAcceptsMax : pending_capacity_ * 2;
    int* grown = static_cast<int*>(realloc(pending_, capacity * sizeof(int)));
    if (grown == nullptr) return false;
    pending_ = grown;
    pending_capacity_ = capacity;
  }
  pending_[pending_count_++] = fd;
  return true;
}

bool Exchange::take_pending(int fd) {
  for (size_t i = pending_count_; i > 0; i--) {
    if (pending_[i - 1] != fd) continue;
    pending_[i - 1] = pending_[--pending_count_];
    return true;
  }
  return false;
}

void Exchange::tell(EventKind kind, uint32_t port, int32_t value, const Peer* peer) {
  if (event_count_ >= arrays_.event_capacity) return;
  int32_t* row = arrays_.events + event_count_++ * kEventWidth;
  row[0] = static_cast<int32_t>(kind);
  row[1] = static_cast<int32_t>(port);
  row[2] = value;
  row[3] = peer == nullptr ? 0 : static_cast<int32_t>(peer->uid);
  row[4] = peer == nullptr ? 0 : static_cast<int32_t>(peer->gid);
  row[5] = peer == nullptr ? 0 : peer->pid;
}

}  // namespace vknetd
