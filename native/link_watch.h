// Whether a tap's interface still has the address and the MTU that it is known by.
//
// Who is told by the kernel looks when it was told; where the kernel tells nobody, it looks now and then, in a step
// that takes place anyway: nothing is woken by it.
#pragma once

#include "kernel.h"

namespace vknetd {

// What rules know of a tap.
struct TapLink {
  uint8_t mac[6];
  int32_t mtu;            // payload octets
  uint8_t bridge_mac[6];  // of the bridge that it is in, from which the host speaks then; 0 if in none, or the same
};

// What of it is another than before; a sum.
const unsigned int kTapChanged = 1;
const unsigned int kBridgeChanged = 2;

class LinkWatch {
 public:
  // Between two looks that nobody asked for: 30 us each, where the kernel tells nobody.
  static constexpr double kLookMs = 100;

  LinkWatch() = default;
  ~LinkWatch() { stop(); }
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

  // Begins for a tap that was `known` so before; nullptr: as it is. 0 or the negated errno. What stands in for a tap
  // and is none has no interface: nothing is watched.
  int start(int tap, const TapLink* known);
  void stop();

  // For a poller: readable when there is something to hear. -1 for none.
  int descriptor() const { return descriptor_; }
  // The poller has named it.
  void hear();

  // There is something to look at, without waiting for anything.
  bool is_stale() const { return stale_; }
  bool is_due(double now_ms) const;
  // Looks, and returns what is another than it was known to be; from now on it is known so.
  unsigned int look(double now_ms, TapLink* out);

 private:
  bool read(TapLink* out) const;

  int tap_ = -1;
  int descriptor_ = -1;
  bool stale_ = false;
  double looked_ms_ = 0;
  TapLink known_ = {};
};

}  // namespace vknetd
