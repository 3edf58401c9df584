#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ExchangeRun.h"
#include "Promise.h"
#include "Stage.h"

namespace fuzz {

namespace {

const uint8_t kUntouched = 0xee;

}  // namespace

// Fills slots and entries from a few decisions, for a plan is long and an input is short. Returns how many
// entries, which may be more than there is room for.
uint32_t ExchangeRun::write_plan() {
  const uint32_t capacity = static_cast<uint32_t>(plan_capacity_);
  const bool too_many = octets_.one_in(16);
  const uint32_t wanted = octets_.next() * (octets_.one_in(4) ? 4 : 1);
  const uint32_t count = too_many || wanted > capacity ? capacity : wanted;
  // The last of them may be one that there is not.
  const uint32_t slots = 1 + octets_.below(static_cast<uint32_t>(slot_count_) + 1);
  const uint32_t first = octets_.below(options_.port_count);
  const uint32_t egresses = 1 + octets_.below(options_.port_count + 1 - first);
  const uint32_t size = octets_.next();
  const uint32_t step = octets_.next();
  for (uint32_t slot = 0; slot < slots && slot < slot_count_; slot++) {
    const uint32_t cut = options_.frame_bytes_max + 1;
    const uint32_t octets = size_at(size + slot * step) < cut ? size_at(size + slot * step) : cut;
    slot_number_[slot] = frames_++;
    size_[slot] = static_cast<uint16_t>(octets);
    fill(bytes_.get() + slot * static_cast<size_t>(options_.slot_bytes), octets, slot_number_[slot]);
  }
  for (uint32_t i = 0; i < count; i++) {
    plan_slot_[i] = static_cast<uint16_t>(i % slots);
    plan_egress_[i] = static_cast<uint16_t>(first + i / slots % egresses);
  }
  planned_size_.assign(size_.get(), size_.get() + slot_count_);
  return too_many ? capacity + 1 + octets_.next() : count;
}

// What an entry must come to; where `may_be_full` it may be EAGAIN as well.
int ExchangeRun::expected_outcome(uint32_t entry, bool* may_be_full) {
  const uint32_t slot = plan_slot_[entry];
  const uint32_t egress = plan_egress_[entry];
  *may_be_full = false;
  if (egress >= options_.port_count || slot >= slot_count_ || planned_size_[slot] == 0) return EINVAL;
  if (planned_size_[slot] > options_.frame_bytes_max) return EMSGSIZE;
  const std::shared_ptr<Peer> peer = peer_of(egress);
  if (peer == nullptr || peer->ended || peer->closed()) return EPIPE;
  // The end of a pipe that is attached can only be read.
  if (peer->kind == PeerKind::Pipe) return EPIPE;
  *may_be_full = !peer->from_exchange.empty();
  return 0;
}

void ExchangeRun::check_plan(uint32_t plan_count) {
  uint32_t failed = 0;
  std::map<uint32_t, bool> full;
  for (uint32_t i = 0; i < plan_count; i++) {
    bool may_be_full = false;
    const int expected = expected_outcome(i, &may_be_full);
    const int outcome = plan_outcome_[i];
    if (outcome != 0) failed++;
    if (expected != 0) {
      PROMISE(outcome == expected, "an entry fails for its own reason");
      continue;
    }
    const uint32_t egress = plan_egress_[i];
    Peer& peer = *peer_of(egress);
    if (full[egress]) {
      PROMISE(outcome == EAGAIN, "what follows a frame that found no room is not tried");
    } else if (outcome == EAGAIN) {
      PROMISE(may_be_full, "a port with nothing unread takes a frame");
      full[egress] = true;
      peer.refusing = true;
    } else {
      PROMISE(outcome == 0, "a frame is taken");
      const uint32_t slot = plan_slot_[i];
      peer.from_exchange.push_back(Packet{slot_number_[slot], planned_size_[slot], false});
    }
  }
  PROMISE(static_cast<uint32_t>(state_[1]) == failed, "failures are counted");
  for (uint32_t i = plan_count; i < plan_capacity_; i++) {
    PROMISE(plan_outcome_[i] == kUntouched, "entries behind the plan are not touched");
  }
}

std::vector<uint32_t> ExchangeRun::ready_ports() const {
  std::vector<uint32_t> ready;
  for (const auto& [port, peer] : ports_) {
    if (!peer->paused && !peer->ended && !peer->to_exchange.empty()) ready.push_back(port);
  }
  return ready;
}

void ExchangeRun::step(bool with_plan, int timeout_ms) {
  memset(plan_outcome_.get(), kUntouched, plan_capacity_);
  const uint32_t asked = with_plan ? write_plan() : 0;
  const uint32_t plan_count = asked < plan_capacity_ ? asked : static_cast<uint32_t>(plan_capacity_);
  const std::vector<uint8_t> bytes(bytes_.get(), bytes_.get() + slot_count_ * options_.slot_bytes);
  const std::vector<uint16_t> sizes(size_.get(), size_.get() + slot_count_);
  const double before_ms = clock_[0];
  const std::vector<uint32_t> ready = ready_ports();

  const int received = exchange_->step(asked, timeout_ms);

  PROMISE(clock_[0] >= before_ms, "the clock does not go back");
  PROMISE(received >= 0 && static_cast<uint32_t>(received) <= options_.batch_frames, "a batch at most");
  check_plan(plan_count);
  const size_t kept = state_[1] > 0 ? 0 : options_.batch_frames;
  const size_t from = kept * options_.slot_bytes;
  PROMISE(memcmp(bytes_.get() + from, bytes.data() + from, bytes.size() - from) == 0,
          "slots that are not received into keep what is in them");
  for (size_t slot = kept; slot < slot_count_; slot++) {
    PROMISE(size_[slot] == sizes[slot], "and their sizes");
  }
  if (state_[1] > 0) {
    PROMISE(received == 0 && state_[0] == 0, "a step in which something failed ends there");
    return;
  }
  std::map<uint32_t, uint32_t> rights;
  std::map<uint32_t, bool> served;
  for (int i = 0; i < received; i++) served[port_[i]] = true;
  check_frames(static_cast<uint32_t>(received), &rights);
  check_events(rights);
  check_turns(ready, served);
}

// A step may read fewer ports than are ready; but each has had its turn when all others have, listeners and wake, too.
void ExchangeRun::check_turns(const std::vector<uint32_t>& ready, const std::map<uint32_t, bool>& served) {
  std::map<std::shared_ptr<Peer>, uint32_t> passed_over;
  for (const uint32_t port : ready) {
    // One that has only empty frames left and has gone may be at its end instead.
    const std::shared_ptr<Peer> peer = peer_of(port);
    if (served.count(port) > 0 || peer == nullptr || peer->ended) continue;
    passed_over[peer] = passed_over_[peer] + 1;
    PROMISE(passed_over[peer] <= options_.port_count + vknetd::kEntrances + 1, "no port keeps another from being read");
  }
  passed_over_ = passed_over;
}

void ExchangeRun::check_frames(uint32_t count, std::map<uint32_t, uint32_t>* rights) {
  const uint32_t max = options_.frame_bytes_max;
  for (uint32_t i = 0; i < count; i++) {
    const std::shared_ptr<Peer> peer = peer_of(port_[i]);
    PROMISE(peer != nullptr && !peer->paused && !peer->ended, "a port is read that is not to be");
    PROMISE(!peer->to_exchange.empty(), "a frame is received that nobody sent");
    const Packet packet = peer->to_exchange.front();
    peer->to_exchange.pop_front();
    const bool cut = packet.size > max;
    PROMISE(size_[i] == (cut ? max + 1 : packet.size), "a frame is received with its size");
    PROMISE(is_filled(bytes_.get() + i * static_cast<size_t>(options_.slot_bytes), size_[i], packet.number),
            "a frame is received as it was sent");
    if (packet.rights) (*rights)[port_[i]]++;
  }
}

void ExchangeRun::check_events(std::map<uint32_t, uint32_t> rights) {
  PROMISE(state_[0] >= 0 && static_cast<size_t>(state_[0]) <= event_capacity_, "rows within bounds");
  std::map<uint32_t, uint32_t> told;
  std::map<uint32_t, uint32_t> swallowed;
  for (int32_t i = 0; i < state_[0]; i++) {
    check_event(events_.get() + static_cast<size_t>(i) * vknetd::kEventWidth, &told, &swallowed);
  }
  for (uint32_t port = 0; port < options_.port_count; port++) {
    PROMISE(told[port] >= rights[port] && told[port] <= rights[port] + swallowed[port],
            "descriptors that came along are told of");
  }
}

void ExchangeRun::check_event(const int32_t* row, std::map<uint32_t, uint32_t>* told,
                              std::map<uint32_t, uint32_t>* swallowed) {
  const uint32_t port = static_cast<uint32_t>(row[1]);
  const std::shared_ptr<Peer> peer = peer_of(port);
  switch (static_cast<vknetd::EventKind>(row[0])) {
    case vknetd::EventKind::Connect:
      return check_connect(row);
    case vknetd::EventKind::Hangup:
    case vknetd::EventKind::TapLost:
      PROMISE(peer != nullptr && !peer->ended && !peer->paused, "an end is told once");
      PROMISE(peer->done(), "an end is told of a port whose other end has gone");
      // Empty frames just before the end look like it, and some of them may not have been read at all.
      while (!peer->to_exchange.empty() && peer->to_exchange.front().size == 0) {
        if (peer->to_exchange.front().rights) (*swallowed)[port]++;
        peer->to_exchange.pop_front();
      }
      PROMISE(peer->to_exchange.empty(), "an end comes after all that was sent");
      PROMISE((row[0] == static_cast<int32_t>(vknetd::EventKind::TapLost)) == (port == 0), "whose end it is");
      peer->ended = true;
      if (port == 0) detach_tap();
      return;
    case vknetd::EventKind::Writable:
      PROMISE(peer != nullptr && peer->refusing, "room is told once, after a refusal");
      peer->refusing = false;
      return;
    case vknetd::EventKind::Wake:
      PROMISE(woken_, "a wake is told after one");
      woken_ = false;
      return;
    case vknetd::EventKind::AcceptError:
      PROMISE(exhausted_ && row[2] == EMFILE, "accept fails for a reason");
      // With a descriptor kept for that it has been closed; without, it waits on.
      if (!knocking_.empty() && knocking_.front()->is_over()) knocking_.pop_front();
      return;
    case vknetd::EventKind::Ancillary:
      PROMISE(row[2] > 0, "descriptors that came along are counted");
      (*told)[port] += static_cast<uint32_t>(row[2]);
      return;
  }
  PROMISE(false, "an event of a kind that there is");
}

void ExchangeRun::check_connect(const int32_t* row) {
  PROMISE(!knocking_.empty(), "a connection is told of that nobody made");
  PROMISE(static_cast<uint32_t>(row[3]) == geteuid() && static_cast<uint32_t>(row[4]) == getegid() &&
              row[5] == getpid(),
          "who connected is told");
  PROMISE(fcntl(row[2], F_GETFD) == FD_CLOEXEC, "a connection is close-on-exec");
  undecided_.push_back(Undecided{row[2], knocking_.front()});
  knocking_.pop_front();
}

// A step with no descriptor to be had.
void ExchangeRun::exhausted_step() {
  struct rlimit limit;
  PROMISE(getrlimit(RLIMIT_NOFILE, &limit) == 0, "a limit of descriptors");
  const int lowest = dup(stage().listener);
  PROMISE(lowest >= 0 && close(lowest) == 0, "a free descriptor");
  struct rlimit none = limit;
  none.rlim_cur = static_cast<rlim_t>(lowest);
  PROMISE(setrlimit(RLIMIT_NOFILE, &none) == 0, "a limit is set");
  exhausted_ = true;
  step(false, 0);
  PROMISE(setrlimit(RLIMIT_NOFILE, &limit) == 0, "a limit is set back");
}

}  // namespace fuzz
