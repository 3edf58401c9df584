// One exchange: a poller, the ports behind it, and the arrays it shares with JavaScript.
//
// The promises are FrameExchange's (src/services/FrameExchange.ts). An exchange belongs to
// one thread; a process may have several. The listener, the wake descriptor and the tap
// remain their opener's to close; connections become the exchange's when they are accepted
// or admitted.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "link_watch.h"
#include "segment_tap.h"
#include "share.h"
#include "vigil.h"

namespace vknetd {

// Typed arrays, given once. Their owner keeps them alive and in place.
struct SharedArrays {
  uint8_t* bytes;  // slot_count slots of slot_bytes octets
  uint16_t* size;
  uint16_t* port;
  size_t slot_count;
  uint16_t* plan_slot;
  uint16_t* plan_egress;
  uint8_t* plan_outcome;
  size_t plan_capacity;
  int32_t* events;  // rows of kEventWidth
  size_t event_capacity;
  int32_t* state;  // [0] rows in events, [1] plan entries not taken
  double* clock;   // [0] milliseconds
};

struct ExchangeOptions {
  uint32_t slot_bytes;
  uint32_t frame_bytes_max;
  uint32_t batch_frames;
  uint32_t port_count;
  int listener;        // the guests', or -1
  int trunk_listener;  // or -1
  int wake;            // or -1
  int send_buffer;
};

// As EventKind in FrameExchange.ts.
enum class EventKind : int32_t {
  Connect = 1,
  Hangup = 2,
  Writable = 3,
  Wake = 4,
  TapLost = 5,
  AcceptError = 6,
  Ancillary = 7,
  TapChanged = 8,
  BridgeChanged = 9
};

const size_t kEventWidth = 6;
// A port causes at most so many events in a step: Writable, Ancillary and one end. A tap's link causes two.
const size_t kEventsPerPort = 3;

// As Entrance in FrameExchange.ts: listeners by their index.
const uint32_t kEntrances = 2;

// Poller tags that are no port's; a listener's is the first plus its index.
const uint32_t kTagListener = UINT32_MAX - 1;
const uint32_t kTagWake = UINT32_MAX - 2;
const uint32_t kTagLink = UINT32_MAX - 3;

class Exchange {
 public:
  Exchange(const SharedArrays& arrays, const ExchangeOptions& options);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // To be called once, before anything else: 0 or the negated errno.
  int open();
  // Accepts at an entrance from this listener from now on, if it had none.
  int listen(uint32_t entrance, int fd);

  int step(uint32_t plan_count, int timeout_ms);
  // The first half of a step: sends, and receives nothing.
  void send(uint32_t plan_count);
  // Reads from the tap only what was read with others and did not fit; whether there is any.
  bool rest_tap(bool on);
  // Waits up to `timeout_ms` for a wake, and for nothing else.
  void park(int timeout_ms);
  // The descriptor of a port, or -1.
  int descriptor(uint32_t port) const;
  int admit(int fd, uint32_t port);
  void refuse(int fd);
  // `known` is what the tap was known by before; nullptr: as it is.
  int attach_tap(int fd, const TapLink* known = nullptr);
  void detach_tap();
  void close_port(uint32_t port);
  void pause(uint32_t port);
  void resume(uint32_t port);
  // Accepts nobody for kListenerRestMs.
  void rest_listeners();
  void shutdown();

 private:
  static const uint32_t kNone = UINT32_MAX;

  struct Port {
    int fd;         // -1: not attached
    PortKind kind;
    bool paused;
    bool refusing;  // a frame failed with EAGAIN; Writable is owed
    bool ended;     // Hangup has been told
    uint32_t head;  // chain of plan entries for this egress, kNone when there are none
    uint32_t tail;
  };

  struct Listener {
    int fd;      // or -1
    bool rests;  // its accept failed; looked at again at `until_ms`
    double until_ms;
    bool named;  // by the poller in this step
  };

  // A port that the poller named in this step, and what reading it brought.
  struct Turn {
    uint32_t port;
    bool hangup;
    bool drained;
    bool ended;
    int error;
    uint32_t rights;
  };

  void send_plan(uint32_t plan_count);
  uint32_t chain_plan(uint32_t plan_count);
  bool send_chain(uint32_t egress, uint32_t most);
  uint32_t send_frames(Port& port, const FrameSlot* frames, const uint32_t* entries,
                       uint32_t count, int* fatal);
  int send_some(const Port& port, const FrameSlot* frames, int count, int* error);
  void fail_chain(uint32_t entry, int error);
  void fail_entry(uint32_t entry, int error);

  int wait(uint32_t sent, int timeout_ms, PollResult* results);
  int keep_watch(uint32_t sent, int timeout_ms, PollResult* results, int capacity);
  bool tap_waits() const;
  uint32_t note_results(const PollResult* results, int count, Turn* turns);
  uint32_t receive(Turn* turns, uint32_t count);
  uint32_t receive_turn(Turn& turn, uint32_t filled, uint32_t quota);
  void tell_turns(const Turn* turns, uint32_t count);
  void tell_link();
  void tell_address(EventKind kind, int32_t detail, const uint8_t mac[6]);
  int watch_listener(uint32_t entrance);
  void accept_waiting(uint32_t entrance);
  void rest_listener(uint32_t entrance);
  void wake_listener(uint32_t entrance);

  int attach(uint32_t port, int fd, PortKind kind);
  int attach_segments(int fd);
  int watch_link(int fd, const TapLink* known);
  int poll_port(uint32_t port, bool is_new);
  void detach(uint32_t port);
  bool attached(uint32_t port) const;
  void tell(EventKind kind, uint32_t port, int32_t value, const Peer* peer);
  bool hold_pending(int fd);
  bool take_pending(int fd);

  SharedArrays arrays_;
  ExchangeOptions options_;
  int poller_;
  int spare_;
  Listener listeners_[kEntrances];
  Port* ports_;
  SegmentTap* segment_tap_;  // what port 0 is, if it is one
  LinkWatch link_;          // of port 0, if it is a tap
  FrameSlot* slots_;        // the batch's slots, where the poller's frames go
  uint32_t* chain_;         // plan entry -> next entry of the same egress
  uint16_t* touched_;       // egresses of a plan that have entries left, in order of appearance
  uint32_t touched_count_;
  uint32_t failed_;
  uint32_t event_count_;
  Vigil vigil_;
  Share share_;
  int* pending_;            // accepted, neither admitted nor refused
  size_t pending_count_;
  size_t pending_capacity_;
};

}  // namespace vknetd
