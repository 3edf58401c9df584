#include "ExchangeRun.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "Files.h"
#include "Promise.h"
#include "Stage.h"

namespace fuzz {

namespace {

const int kActionsMax = 400;
const int kDrainSteps = 5000;
// Longer than a listener rests whose accept has failed.
const int kRestsMax = 40;
const int kRestStepMs = 10;

// As FrameBatch.ts has it.
uint32_t slot_bytes_for(uint32_t frame_bytes_max) {
  const uint32_t lines = (frame_bytes_max + 1 + 63) / 64;
  return (lines % 2 == 0 ? lines + 1 : lines) * 64;
}

}  // namespace

ExchangeRun::ExchangeRun(const uint8_t* data, size_t size) : octets_(data, size) {
  const uint32_t batches[] = {64, 16, 4, 1};
  const uint32_t frames[] = {1518, 60, 2000};
  const uint32_t events[] = {256, 3, 12};
  const int rooms[] = {4096, 0, 65536};
  options_.batch_frames = batches[octets_.below(4)];
  options_.frame_bytes_max = frames[octets_.below(3)];
  options_.slot_bytes = slot_bytes_for(options_.frame_bytes_max);
  // Some slots exactly as long as they have to be.
  if (octets_.one_in(2)) options_.slot_bytes = options_.frame_bytes_max + 1;
  options_.port_count = 2 + octets_.below(8);
  options_.send_buffer = rooms[octets_.below(3)];
  event_capacity_ = events[octets_.below(3)];
  slot_count_ = options_.batch_frames + 1 + octets_.below(8);
  plan_capacity_ = options_.batch_frames * options_.port_count;
  options_.listener = stage().listener;
  options_.trunk_listener = -1;
  options_.wake = stage().wake[0];
  descriptors_before_ = descriptor_count();

  bytes_.reset(new uint8_t[slot_count_ * options_.slot_bytes]());
  size_.reset(new uint16_t[slot_count_]());
  port_.reset(new uint16_t[slot_count_]());
  plan_slot_.reset(new uint16_t[plan_capacity_]());
  plan_egress_.reset(new uint16_t[plan_capacity_]());
  plan_outcome_.reset(new uint8_t[plan_capacity_]());
  events_.reset(new int32_t[event_capacity_ * vknetd::kEventWidth]());
  state_.reset(new int32_t[2]());
  clock_.reset(new double[1]());
  slot_number_.resize(slot_count_);

  vknetd::SharedArrays arrays;
  arrays.bytes = bytes_.get();
  arrays.size = size_.get();
  arrays.port = port_.get();
  arrays.slot_count = slot_count_;
  arrays.plan_slot = plan_slot_.get();
  arrays.plan_egress = plan_egress_.get();
  arrays.plan_outcome = plan_outcome_.get();
  arrays.plan_capacity = plan_capacity_;
  arrays.events = events_.get();
  arrays.event_capacity = event_capacity_;
  arrays.state = state_.get();
  arrays.clock = clock_.get();
  exchange_.reset(new vknetd::Exchange(arrays, options_));
  PROMISE(exchange_->open() == 0, "an exchange opens");
}

ExchangeRun::~ExchangeRun() {}

void ExchangeRun::run() {
  for (int i = 0; i < kActionsMax && !octets_.empty(); i++) act();
  drain();
  check_afterlife();
}

void ExchangeRun::act() {
  switch (octets_.below(21)) {
    case 0: return knock();
    case 1: return admit_undecided();
    case 2: return refuse();
    case 3:
    case 4: return join_pair();
    case 5:
    case 6:
    case 7: return send();
    case 8:
    case 9: return read();
    case 10: return leave();
    case 11: return close_port();
    case 12: return pause_or_resume();
    case 13: return attach_tap();
    case 14: return octets_.one_in(3) ? detach_tap() : step(true, 0);
    case 15:
      PROMISE(vknetd::wake_signal(stage().wake[1]) == 0, "a wake is signalled");
      woken_ = true;
      return;
    case 16: return octets_.one_in(4) ? exhausted_step() : step(false, octets_.one_in(32) ? 1 : 0);
    case 17:
    case 18: return step(true, 0);
    case 19: return try_files(octets_);
    default: return step(false, 0);
  }
}

std::shared_ptr<Peer> ExchangeRun::peer_of(uint32_t port) const {
  const auto found = ports_.find(port);
  return found == ports_.end() ? nullptr : found->second;
}

// One that there is, or, now and then, the first that there is not.
uint32_t ExchangeRun::some_port() { return octets_.below(options_.port_count + 1); }

uint32_t ExchangeRun::some_size() { return size_at(octets_.next()); }

uint32_t ExchangeRun::size_at(uint32_t index) const {
  const uint32_t max = options_.frame_bytes_max;
  const uint32_t sizes[] = {60, 14, 0, 1, max - 1, max, max + 1, max + 500};
  return sizes[index % 8];
}

// ---- Connections ----

void ExchangeRun::knock() {
  const int fd = vknetd::socket_connect(stage().path);
  if (fd == -EAGAIN) return;
  PROMISE(fd >= 0, "a connection to the listener");
  knocking_.push_back(std::make_shared<Peer>(fd, PeerKind::Socket));
}

void ExchangeRun::expect_admit(int result, uint32_t port, std::shared_ptr<Peer> peer) {
  if (port == 0 || port >= options_.port_count) {
    PROMISE(result == -EINVAL, "a port that is no guest's is EINVAL");
  } else if (peer_of(port) != nullptr) {
    PROMISE(result == -EBUSY, "a port that is taken is EBUSY");
  } else {
    PROMISE(result == 0, "a connection is admitted");
    ports_[port] = peer;
  }
}

void ExchangeRun::admit_undecided() {
  if (undecided_.empty()) {
    PROMISE(exchange_->admit(-1, 1) < 0, "no descriptor is not admitted");
    return;
  }
  const size_t at = octets_.below(static_cast<uint32_t>(undecided_.size()));
  const Undecided chosen = undecided_[at];
  undecided_.erase(undecided_.begin() + static_cast<ptrdiff_t>(at));
  const uint32_t port = some_port();
  expect_admit(exchange_->admit(chosen.handle, port), port, chosen.peer);
}

void ExchangeRun::refuse() {
  if (undecided_.empty()) {
    // What is not waiting for a decision is not closed.
    exchange_->refuse(stage().listener);
    exchange_->refuse(-1);
    PROMISE(fcntl(stage().listener, F_GETFD) >= 0, "refusing closes what was accepted alone");
    return;
  }
  exchange_->refuse(undecided_.back().handle);
  undecided_.pop_back();
}

void ExchangeRun::join_pair() {
  int fds[2];
  PROMISE(vknetd::socket_pair(options_.send_buffer, fds) == 0, "a pair of sockets");
  const uint32_t port = some_port();
  expect_admit(exchange_->admit(fds[0], port), port,
               std::make_shared<Peer>(fds[1], PeerKind::Socket));
}

void ExchangeRun::attach_tap() {
  if (tap_fd_ >= 0) {
    PROMISE(exchange_->attach_tap(tap_fd_) == -EBUSY, "there is one tap");
    return;
  }
  int fds[2];
  PeerKind kind = PeerKind::Socket;
  if (octets_.one_in(2)) {
    kind = PeerKind::Pipe;
    PROMISE(pipe2(fds, O_DIRECT | O_NONBLOCK | O_CLOEXEC) == 0, "a pipe");
  } else {
    PROMISE(vknetd::socket_pair(options_.send_buffer, fds) == 0, "a pair of sockets");
  }
  PROMISE(exchange_->attach_tap(-1) < 0, "no descriptor is no tap");
  PROMISE(exchange_->attach_tap(fds[0]) == 0, "a tap is attached");
  tap_fd_ = fds[0];
  ports_[0] = std::make_shared<Peer>(fds[1], kind);
}

void ExchangeRun::detach_tap() {
  exchange_->detach_tap();
  exchange_->detach_tap();
  ports_.erase(0);
  if (tap_fd_ < 0) return;
  PROMISE(close(tap_fd_) == 0, "a tap's descriptor stays its owner's");
  tap_fd_ = -1;
}

void ExchangeRun::close_port() {
  const uint32_t port = some_port();
  exchange_->close_port(port);
  if (port == 0) return;
  const std::shared_ptr<Peer> peer = peer_of(port);
  if (peer == nullptr) return;
  ports_.erase(port);
  // What was sent before can still be received, and then the end.
  PROMISE(peer->closed() || peer->read(UINT32_MAX), "a port that is closed has an end");
}

// ---- What other ends do ----

void ExchangeRun::send() {
  const std::shared_ptr<Peer> peer = peer_of(some_port());
  if (peer == nullptr) return;
  const uint32_t count = 1 + octets_.below(octets_.one_in(4) ? 100 : 4);
  const uint32_t size = some_size();
  const bool rights = octets_.one_in(8);
  for (uint32_t i = 0; i < count && peer->send(frames_, size, rights); i++) frames_++;
}

void ExchangeRun::read() {
  const std::shared_ptr<Peer> peer = peer_of(some_port());
  if (peer == nullptr) return;
  const uint32_t count = octets_.one_in(2) ? UINT32_MAX : 1 + octets_.below(16);
  PROMISE(!peer->read(count), "a port that is not closed has no end");
}

void ExchangeRun::leave() {
  const std::shared_ptr<Peer> peer = peer_of(some_port());
  if (peer == nullptr || peer->kind == PeerKind::Pipe) return;
  if (octets_.one_in(3)) peer->finish();
  else peer->close_end();
}

void ExchangeRun::pause_or_resume() {
  const uint32_t port = some_port();
  const bool pause = octets_.one_in(2);
  if (pause) exchange_->pause(port);
  else exchange_->resume(port);
  const std::shared_ptr<Peer> peer = peer_of(port);
  if (peer != nullptr) peer->paused = pause;
}

// ---- The end ----

// All that is owed is told and all that was sent arrives, once nobody is in the way.
void ExchangeRun::drain() {
  for (uint32_t port = 0; port < options_.port_count; port++) {
    exchange_->resume(port);
    const std::shared_ptr<Peer> peer = peer_of(port);
    if (peer == nullptr) continue;
    peer->paused = false;
    PROMISE(!peer->read(UINT32_MAX), "a port that is not closed has no end");
  }
  int rests = 0;
  for (int i = 0; i < kDrainSteps; i++) {
    bool owed = woken_ || !knocking_.empty();
    for (const auto& [port, peer] : ports_) {
      owed = owed || (!peer->ended && (peer->refusing || peer->done() || !peer->to_exchange.empty()));
    }
    if (!owed) return;
    // A listener that rests is looked at again after a while.
    const bool resting = exhausted_ && !knocking_.empty() && rests < kRestsMax;
    if (resting) rests++;
    step(false, resting ? kRestStepMs : 0);
  }
  PROMISE(false, "what is owed is told in the end");
}

// After its shutdown an exchange holds nothing, and asking it anything does no harm.
void ExchangeRun::check_afterlife() {
  exchange_->shutdown();
  int fds[2];
  PROMISE(vknetd::socket_pair(0, fds) == 0, "a pair of sockets");
  PROMISE(exchange_->admit(fds[0], 1) < 0, "nothing is admitted after shutdown");
  char octet;
  PROMISE(recv(fds[1], &octet, 1, MSG_DONTWAIT) == 0, "what is not admitted is closed");
  close(fds[1]);
  exchange_->pause(1);
  exchange_->resume(1);
  exchange_->close_port(1);
  exchange_->detach_tap();
  exchange_->refuse(-1);
  PROMISE(exchange_->step(0, 0) == 0, "nothing is received after shutdown");
  exchange_->shutdown();
  exchange_.reset();
  for (const auto& [port, peer] : ports_) {
    if (port != 0) PROMISE(peer->closed() || peer->read(UINT32_MAX), "shutdown closes every port");
  }
  for (const Undecided& one : undecided_) {
    PROMISE(one.peer->is_over(), "shutdown closes what was not decided");
  }
  ports_.clear();
  undecided_.clear();
  knocking_.clear();
  passed_over_.clear();
  if (tap_fd_ >= 0) close(tap_fd_);
  PROMISE(descriptor_count() == descriptors_before_, "no descriptor is left open");
}

}  // namespace fuzz
