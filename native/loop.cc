// A step: the plan goes out; then whatever the poller names is read in turns.
//
// Sending, egress by egress. One pass strings the plan's entries into a chain for each, so
// that each costs one call for up to 64 frames, or 8 where a few ports get copies, and its
// entries keep their order.
//
// Receiving. Every step asks the poller, if only in passing: it rotates what is ready, so
// that with more ports than fit one step each has its turn, and no flood keeps a wake-up or a
// connection waiting. The slots are shared evenly among the ports named; what some leave
// over goes round again to those that had more. How many are named at most, share.h says.
//
// Nothing is remembered that the kernel still knows: what does not fit is left there,
// and the poller, being level-triggered, names it again.

#include "loop.h"

#include <errno.h>
#include <string.h>

namespace vknetd {

namespace {

const uint32_t kResultsMax = 64;
const uint32_t kSendVector = 64;
// More entries for what has just been received than a batch has frames are copies. If they are for a few ports, each
// gets so many frames before the next has its turn: who waits until all have their frame waits less
// (docs/decisions/0019-copies-in-turns.md).
const uint32_t kCopiesInTurn = 8;
const uint32_t kTurnPortsMax = 16;
// The clock moves in ticks, of 10 ms at the most: what is waited for until then has come.
const int kClockTickMs = 10;

bool is_gone(int error) {
#ifdef EBADFD
  if (error == EBADFD) return true;  // a tap that was deleted
#endif
  return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == EBADF;
}

}  // namespace

int Exchange::step(uint32_t plan_count, int timeout_ms) {
  event_count_ = 0;
  failed_ = 0;
  uint32_t received = 0;
  if (plan_count > arrays_.plan_capacity) plan_count = static_cast<uint32_t>(arrays_.plan_capacity);
  if (plan_count > 0) send_plan(plan_count);
  if (failed_ == 0 && poller_ >= 0) {
    PollResult results[kResultsMax];
    Turn turns[kResultsMax];
    const int count = wait(plan_count, timeout_ms, results);
    arrays_.clock[0] = clock_ms();
    const uint32_t readable = note_results(results, count, turns);
    if (link_.is_due(arrays_.clock[0])) tell_link();
    received = receive(turns, readable);
    share_.learn(readable, received, options_.batch_frames);
    tell_turns(turns, readable);
    for (uint32_t i = 0; i < kEntrances; i++) {
      if (listeners_[i].named) accept_waiting(i);
    }
  } else {
    arrays_.clock[0] = clock_ms();
  }
  arrays_.state[0] = static_cast<int32_t>(event_count_);
  arrays_.state[1] = static_cast<int32_t>(failed_);
  return static_cast<int>(received);
}

// ---- Sending ----

void Exchange::send(uint32_t plan_count) {
  event_count_ = 0;
  failed_ = 0;
  if (plan_count > arrays_.plan_capacity) plan_count = static_cast<uint32_t>(arrays_.plan_capacity);
  if (plan_count > 0) send_plan(plan_count);
  arrays_.clock[0] = clock_ms();
  arrays_.state[0] = 0;
  arrays_.state[1] = static_cast<int32_t>(failed_);
}

void Exchange::fail_entry(uint32_t entry, int error) {
  arrays_.plan_outcome[entry] = static_cast<uint8_t>(error);
  failed_++;
}

void Exchange::fail_chain(uint32_t entry, int error) {
  for (; entry != kNone; entry = chain_[entry]) fail_entry(entry, error);
}

// Returns how many entries are for slots of the batch; the others were kept from batches before.
uint32_t Exchange::chain_plan(uint32_t plan_count) {
  uint32_t of_batch = 0;
  touched_count_ = 0;
  for (uint32_t i = 0; i < plan_count; i++) {
    const uint32_t slot = arrays_.plan_slot[i];
    const uint32_t egress = arrays_.plan_egress[i];
    arrays_.plan_outcome[i] = 0;
    chain_[i] = kNone;
    // An empty packet would look like an end of file, and a cut frame is not the frame.
    if (egress >= options_.port_count || slot >= arrays_.slot_count || arrays_.size[slot] == 0) {
      fail_entry(i, EINVAL);
      continue;
    }
    if (arrays_.size[slot] > options_.frame_bytes_max) {
      fail_entry(i, EMSGSIZE);
      continue;
    }
    if (slot < options_.batch_frames) of_batch++;
    Port& port = ports_[egress];
    if (port.head == kNone) {
      port.head = i;
      touched_[touched_count_++] = static_cast<uint16_t>(egress);
    } else {
      chain_[port.tail] = i;
    }
    port.tail = i;
  }
  return of_batch;
}

void Exchange::send_plan(uint32_t plan_count) {
  const uint32_t of_batch = chain_plan(plan_count);
  const bool in_turns = of_batch > options_.batch_frames && touched_count_ <= kTurnPortsMax;
  const uint32_t most = in_turns ? kCopiesInTurn : kSendVector;
  for (uint32_t open = touched_count_; open > 0;) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < open; i++) {
      // The tap at once, where segments that follow each other are joined.
      const uint16_t egress = touched_[i];
      if (send_chain(egress, egress == 0 ? kSendVector : most)) touched_[left++] = egress;
    }
    open = left;
  }
}

// Sends up to `most` frames of an egress, and returns whether it has more.
bool Exchange::send_chain(uint32_t egress, uint32_t most) {
  Port& port = ports_[egress];
  uint32_t entry = port.head;
  port.head = kNone;
  if (port.fd < 0 || port.ended) {
    fail_chain(entry, EPIPE);
    return false;
  }
  FrameSlot frames[kSendVector];
  uint32_t entries[kSendVector] = {};
  uint32_t count = 0;
  for (; entry != kNone && count < most; entry = chain_[entry]) {
    const uint32_t slot = arrays_.plan_slot[entry];
    frames[count].bytes = arrays_.bytes + static_cast<size_t>(slot) * options_.slot_bytes;
    frames[count].size = arrays_.size[slot];
    entries[count++] = entry;
  }
  int fatal = 0;
  const uint32_t settled = send_frames(port, frames, entries, count, &fatal);
  if (fatal == 0) {
    port.head = entry;
    return entry != kNone;
  }
  for (uint32_t i = settled; i < count; i++) fail_entry(entries[i], fatal);
  fail_chain(entry, fatal);
  if (fatal == EAGAIN && !port.refusing) {
    port.refusing = true;
    poll_port(egress, false);
  }
  return false;
}

// Returns how many were sent or failed for themselves; `fatal` is what the rest fails with.
uint32_t Exchange::send_frames(Port& port, const FrameSlot* frames, const uint32_t* entries,
                               uint32_t count, int* fatal) {
  uint32_t settled = 0;
  while (settled < count) {
    int error = 0;
    const int left = static_cast<int>(count - settled);
    const int sent = send_some(port, frames + settled, left, &error);
    settled += static_cast<uint32_t>(sent);
    if (settled == count) break;
    if (error == EAGAIN || error == EWOULDBLOCK || is_gone(error)) {
      *fatal = is_gone(error) ? EPIPE : EAGAIN;
      break;
    }
    fail_entry(entries[settled++], error);
  }
  return settled;
}

int Exchange::send_some(const Port& port, const FrameSlot* frames, int count, int* error) {
  if (segment_tap_ != nullptr && &port == ports_) return segment_tap_->send(frames, count, error);
  return frames_send(port.fd, port.kind, frames, count, error);
}

// ---- Waiting ----

// Whether the tap has frames that were read with others and did not fit: no poller tells of them.
bool Exchange::tap_waits() const {
  return segment_tap_ != nullptr && segment_tap_->waits() && !ports_[0].paused;
}

int Exchange::wait(uint32_t sent, int timeout_ms, PollResult* results) {
  for (uint32_t i = 0; i < kEntrances; i++) {
    if (!listeners_[i].rests) continue;
    const double left = listeners_[i].until_ms - clock_ms();
    const int rest_ms = static_cast<int>(left) + kClockTickMs;
    if (left <= 0) {
      wake_listener(i);
    } else if (timeout_ms < 0 || timeout_ms > rest_ms) {
      timeout_ms = rest_ms;
    }
  }
  // So few that the slots suffice for a frame of each port, and the rows for all they may tell.
  uint32_t capacity = static_cast<uint32_t>(arrays_.event_capacity / kEventsPerPort);
  if (capacity > options_.batch_frames) capacity = options_.batch_frames;
  if (capacity > kResultsMax) capacity = kResultsMax;
  const uint32_t sharers = share_.ports(options_.batch_frames);
  if (capacity > sharers) capacity = sharers;
  if (tap_waits() || link_.is_stale()) {
    timeout_ms = 0;
    if (capacity > 1) capacity--;
  }
  const int count = keep_watch(sent, timeout_ms, results, static_cast<int>(capacity));
  return count < 0 ? 0 : count;
}

// Waits, and stays awake for a moment first where that pays after `sent` frames.
int Exchange::keep_watch(uint32_t sent, int timeout_ms, PollResult* results, int capacity) {
  if (timeout_ms >= 0 || !Vigil::concerns(sent)) {
    return poller_wait(poller_, results, capacity, timeout_ms);
  }
  double from_ms = clock_ms();
  if (vigil_.pays()) {
    const double until_ms = from_ms + Vigil::kMs;
    for (uint32_t look = 0; look < Vigil::kLooks && from_ms < until_ms; look++) {
      const int count = poller_wait(poller_, results, capacity, 0);
      if (count > 0 && look > 0) vigil_.kept();
      if (count != 0) return count;
      from_ms = clock_ms();
    }
    vigil_.missed();
  }
  const int count = poller_wait(poller_, results, capacity, timeout_ms);
  vigil_.slept(clock_ms() - from_ms);
  return count;
}

// Tells of wake-ups and of room; what is left to read becomes turns.
uint32_t Exchange::note_results(const PollResult* results, int count, Turn* turns) {
  uint32_t readable = 0;
  for (Listener& listener : listeners_) listener.named = false;
  const bool tap_first = tap_waits();
  if (tap_first) turns[readable++] = Turn{0, false, false, false, 0, 0};
  for (int i = 0; i < count; i++) {
    const uint32_t tag = results[i].tag;
    const uint32_t flags = results[i].flags;
    if (tag >= kTagListener) {
      listeners_[tag - kTagListener].named = true;
    } else if (tag == kTagWake) {
      wake_drain(options_.wake);
      tell(EventKind::Wake, 0, 0, nullptr);
    } else if (tag == kTagLink) {
      link_.hear();
    } else if (attached(tag)) {
      Port& port = ports_[tag];
      if (port.refusing && (flags & (POLL_WRITE | POLL_HANGUP)) != 0) {
        port.refusing = false;
        poll_port(tag, false);
        tell(EventKind::Writable, tag, 0, nullptr);
      }
      const bool has_turn = tap_first && tag == 0;
      if (!port.paused && !port.ended && !has_turn && (flags & (POLL_READ | POLL_HANGUP)) != 0) {
        turns[readable++] = Turn{tag, (flags & POLL_HANGUP) != 0, false, false, 0, 0};
      }
    }
  }
  return readable;
}

// ---- Receiving ----

uint32_t Exchange::receive(Turn* turns, uint32_t count) {
  uint32_t filled = 0;
  uint32_t open = count;
  // Each round ends some turn or fills a slot.
  while (open > 0 && filled < options_.batch_frames) {
    const uint32_t share = (options_.batch_frames - filled) / open;
    const uint32_t quota = share == 0 ? 1 : share;
    for (uint32_t i = 0; i < count && filled < options_.batch_frames; i++) {
      if (turns[i].drained) continue;
      const uint32_t left = options_.batch_frames - filled;
      filled += receive_turn(turns[i], filled, quota < left ? quota : left);
      if (turns[i].drained) open--;
    }
  }
  return filled;
}

// Receives up to `quota` frames of one port into the slots from `filled` on.
uint32_t Exchange::receive_turn(Turn& turn, uint32_t filled, uint32_t quota) {
  const Port& port = ports_[turn.port];
  const int asked = static_cast<int>(quota < kResultsMax ? quota : kResultsMax);
  FrameSlot* into = slots_ + filled;
  const uint32_t limit = options_.frame_bytes_max;
  const bool segments = segment_tap_ != nullptr && turn.port == 0;
  const ReceiveResult result =
      segments ? segment_tap_->receive(into, asked, limit)
               : frames_receive(port.fd, port.kind, into, asked, limit, turn.hangup);
  for (int i = 0; i < result.count; i++) {
    arrays_.size[filled + static_cast<uint32_t>(i)] = static_cast<uint16_t>(into[i].size);
    arrays_.port[filled + static_cast<uint32_t>(i)] = static_cast<uint16_t>(turn.port);
  }
  turn.rights += result.rights;
  turn.ended = result.ended;
  turn.error = result.error == EWOULDBLOCK ? EAGAIN : result.error;
  turn.drained = result.count < asked || result.ended || result.error != 0;
  return static_cast<uint32_t>(result.count);
}

void Exchange::tell_link() {
  TapLink link;
  const unsigned int changed = link_.look(arrays_.clock[0], &link);
  if ((changed & kTapChanged) != 0) tell_address(EventKind::TapChanged, link.mtu, link.mac);
  if ((changed & kBridgeChanged) != 0) tell_address(EventKind::BridgeChanged, 0, link.bridge_mac);
}

// The address goes in the places of uid and gid, as MacAddress.ts has it.
void Exchange::tell_address(EventKind kind, int32_t detail, const uint8_t mac[6]) {
  uint16_t pairs[3];
  memcpy(pairs, mac, sizeof(pairs));
  const Peer address = {pairs[0] | static_cast<uint32_t>(pairs[1]) << 16, pairs[2], 0};
  tell(kind, 0, detail, &address);
}

void Exchange::tell_turns(const Turn* turns, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const Turn& turn = turns[i];
    if (turn.rights > 0) {
      tell(EventKind::Ancillary, turn.port, static_cast<int32_t>(turn.rights), nullptr);
    }
    const bool failed = turn.error != 0 && turn.error != EAGAIN;
    if (!turn.ended && !failed) continue;
    if (turn.port == 0) {
      detach(0);
      tell(EventKind::TapLost, 0, failed ? turn.error : EPIPE, nullptr);
    } else {
      ports_[turn.port].ended = true;
      poll_port(turn.port, false);
      tell(EventKind::Hangup, turn.port, 0, nullptr);
    }
  }
}

}  // namespace vknetd
