// See link_watch.h.

#include "link_watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace vknetd {

namespace {

bool same(const uint8_t one[6], const uint8_t other[6]) { return memcmp(one, other, 6) == 0; }

unsigned int changes(const TapLink& from, const TapLink& to) {
  const bool tap = from.mtu != to.mtu || !same(from.mac, to.mac);
  return (tap ? kTapChanged : 0) | (same(from.bridge_mac, to.bridge_mac) ? 0 : kBridgeChanged);
}

}  // namespace

bool LinkWatch::read(TapLink* out) const {
  TapInfo info;
  if (tap_info(tap_, &info) < 0) return false;
  *out = {};
  memcpy(out->mac, info.mac, sizeof(out->mac));
  out->mtu = info.mtu;
  uint8_t bridge_mac[6] = {};
  const int found = link_bridge(descriptor_, tap_, bridge_mac);
  if (found == 1 && !same(bridge_mac, info.mac)) memcpy(out->bridge_mac, bridge_mac, sizeof(bridge_mac));
  return found >= 0;
}

// Subscribes first and reads then, so that no change falls in between.
int LinkWatch::start(int tap, const TapLink* known) {
  stop();
  const int descriptor = link_subscribe(tap);
  if (descriptor == -ENOTTY) return 0;
  if (descriptor < 0 && descriptor != -EOPNOTSUPP) return descriptor;
  tap_ = tap;
  descriptor_ = descriptor < 0 ? -1 : descriptor;
  TapLink found;
  if (!read(&found)) {
    stop();
    return -ENODEV;
  }
  known_ = known == nullptr ? found : *known;
  stale_ = changes(known_, found) != 0;
  return 0;
}

void LinkWatch::stop() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
  tap_ = -1;
  stale_ = false;
}

void LinkWatch::hear() {
  if (descriptor_ < 0) return;
  link_drain(descriptor_);
  stale_ = true;
}

bool LinkWatch::is_due(double now_ms) const {
  return stale_ || (tap_ >= 0 && descriptor_ < 0 && now_ms - looked_ms_ >= kLookMs);
}

unsigned int LinkWatch::look(double now_ms, TapLink* out) {
  stale_ = false;
  looked_ms_ = now_ms;
  // An interface that has gone, or to another network namespace, keeps what it was known by.
  if (tap_ < 0 || !read(out)) return 0;
  const unsigned int changed = changes(known_, *out);
  known_ = *out;
  return changed;
}

}  // namespace vknetd
