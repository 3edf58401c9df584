#include "Vigils.h"

#include "../../native/vigil.h"
#include "Octets.h"
#include "Promise.h"

namespace fuzz {

namespace {

const uint32_t kRunLeast = 8;
const uint32_t kRunMost = 1024;
const double kShortMs = 0.05;
const double kLongMs = 0.2;

enum Outcome : uint32_t { kShortSleep, kLongSleep, kAnswer, kNoAnswer, kOutcomes };

// Short sleeps in a row until a vigil pays, at most `most`.
uint32_t sleeps_until(vknetd::Vigil vigil, uint32_t most) {
  uint32_t sleeps = 0;
  for (; !vigil.pays() && sleeps < most; sleeps++) vigil.slept(kShortMs);
  return sleeps;
}

}  // namespace

void try_vigil(const uint8_t* data, size_t size) {
  Octets octets(data, size);
  vknetd::Vigil vigil;
  PROMISE(!vknetd::Vigil::concerns(0), "no vigil where nothing was sent");
  uint32_t run = 0;             // short sleeps since a long one, or since looking was in vain
  uint32_t needed = kRunLeast;  // while no vigil has been answered
  bool answered = false;
  while (!octets.empty()) {
    const uint32_t outcome = octets.below(kOutcomes);
    const uint32_t times = 1 + octets.next();
    for (uint32_t i = 0; i < times; i++) {
      // A vigil has an end only where there is one.
      if ((outcome == kAnswer || outcome == kNoAnswer) && !vigil.pays()) break;
      if (outcome == kShortSleep) {
        vigil.slept(kShortMs);
        run++;
      } else if (outcome == kLongSleep) {
        vigil.slept(kLongMs);
        run = 0;
      } else if (outcome == kAnswer) {
        vigil.kept();
        answered = true;
      } else {
        vigil.missed();
        run = 0;
        needed = needed * 2 < kRunMost ? needed * 2 : kRunMost;
        PROMISE(answered || sleeps_until(vigil, kRunMost) == needed, "what was in vain is tried half as often");
      }
      PROMISE(!vigil.pays() || run >= kRunLeast, "a vigil only after a run of short waits");
    }
  }
  for (uint32_t i = 0; i < kRunMost; i++) vigil.slept(kShortMs);
  PROMISE(vigil.pays(), "a vigil is tried again some day");
  for (uint32_t i = 0; i < 256; i++) vigil.kept();
  vigil.slept(kLongMs);
  PROMISE(sleeps_until(vigil, kRunMost) == kRunLeast, "where looking pays, little is asked for it");
}

}  // namespace fuzz
