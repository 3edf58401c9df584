// Whether to stay awake for the next frame instead of sleeping until it comes.
//
// A sleep and the wake that ends it cost 15 to 25 us of processor time, and as long again until the thread runs. Where
// guests answer each other the next frame comes sooner than that, and whoever sleeps makes them sleep, too. So before
// it sleeps the thread looks again for a moment, but only while that pays: after a run of short waits, and that run has
// to be the longer the more often it has looked in vain. Figures: docs/decisions/0025-fifty-microseconds.md, 0014.
#pragma once

#include <stdint.h>

namespace vknetd {

class Vigil {
 public:
  // How long one lasts, and how many looks it has at most: a coarse clock may stand still meanwhile.
  static constexpr double kMs = 0.05;
  static constexpr uint32_t kLooks = 256;

  // Whether to think of one at all, after so many frames were sent: to none there are no answers.
  static bool concerns(uint32_t frames) { return frames > 0 && frames <= kFewFrames; }

  bool pays() const { return run_ >= needed_; }

  // A sleep of so many milliseconds is over.
  void slept(double ms) { run_ = ms > kShortMs ? 0 : run_ < kRunMost ? run_ + 1 : run_; }

  // Something came that was not there at the first look.
  void kept() {
    needed_ -= needed_ < 32 ? 1 : needed_ / 32;
    if (needed_ < kRunLeast) needed_ = kRunLeast;
  }

  // None came while it lasted.
  void missed() {
    run_ = 0;
    needed_ = needed_ * 2 < kRunMost ? needed_ * 2 : kRunMost;
  }

 private:
  // A batch; more are copies, and those who get them have enough to do (decision 24).
  static constexpr uint32_t kFewFrames = 32;
  // A sleep that a vigil may have spared: both wakes, the guest's and ours, are in it, of up to 50 us each. Where that
  // is wrong vigils are in vain, and become rare.
  static constexpr double kShortMs = 0.15;
  static constexpr uint32_t kRunLeast = 8;
  // Where looking is always in vain, as on a single processor, one wait in so many has a vigil.
  static constexpr uint32_t kRunMost = 1024;

  uint32_t run_ = 0;  // short waits in a row
  uint32_t needed_ = kRunLeast;
};

}  // namespace vknetd
