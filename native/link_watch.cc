// See link_watch.h.

#include "link_watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace vknetd {

namespace {

bool link_read(int tap, TapLink* out) {
  TapInfo info;
  if (tap_info(tap, &info) < 0) return false;
  memcpy(out->mac, info.mac, sizeof(out->mac));
  out->mtu = info.mtu;
  return true;
}

bool same(const TapLink& one, const TapLink& other) {
  return one.mtu == other.mtu && memcmp(one.mac, other.mac, sizeof(one.mac)) == 0;
}

}  // namespace

// Subscribes first and reads then, so that no change falls in between.
int LinkWatch::start(int tap, const TapLink* known) {
  stop();
  const int descriptor = link_subscribe(tap);
  if (descriptor == -ENOTTY) return 0;
  if (descriptor < 0 && descriptor != -EOPNOTSUPP) return descriptor;
  tap_ = tap;
  descriptor_ = descriptor < 0 ? -1 : descriptor;
  TapLink found;
  if (!link_read(tap, &found)) {
    stop();
    return -ENODEV;
  }
  known_ = known == nullptr ? found : *known;
  stale_ = !same(known_, found);
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

bool LinkWatch::look(double now_ms, TapLink* out) {
  stale_ = false;
  looked_ms_ = now_ms;
  // An interface that has gone, or to another network namespace, keeps what it was known by.
  if (tap_ < 0 || !link_read(tap_, out) || same(*out, known_)) return false;
  known_ = *out;
  return true;
}

}  // namespace vknetd
