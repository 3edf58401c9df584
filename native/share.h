// How many frames of a batch each port gets, where more ports have some than the batch has room for.
//
// One call brings several frames of a port for little more than one: eight of each of four ports cost a tenth less of
// all processor time than one of each of 32. But where ports have one each, whoever asks for more makes a quarter of a
// call in vain. So the share grows while those that are asked fill it, and shrinks when they do not. Figures:
// docs/decisions/0030-shares.md.
#pragma once

#include <stdint.h>

namespace vknetd {

class Share {
 public:
  // How many ports a step may ask for, of a batch of so many frames.
  uint32_t ports(uint32_t batch_frames) const { return batch_frames < least_ ? 1 : batch_frames / least_; }

  // So many ports were asked in a step, and brought so many frames.
  void learn(uint32_t ports, uint32_t frames, uint32_t batch_frames) {
    if (ports == 0) return;
    const uint32_t asked = batch_frames / ports;
    if (asked > kMost) return;
    if (asked <= 1) {
      // All bring one: whether they have more shows only when they are asked for it.
      if (left_-- > 0) return;
      left_ = kStepsBetweenTries;
      least_ = 2;
    } else if (frames * 4 >= ports * asked * 3) {
      least_ = asked * 2 < kMost ? asked * 2 : kMost;
    } else if (frames * 2 <= ports * asked && least_ > 1) {
      least_ /= 2;
    }
  }

 private:
  // More spares little further, and a port that has one frame waits for all others' shares.
  static constexpr uint32_t kMost = 8;
  static constexpr uint32_t kStepsBetweenTries = 31;

  uint32_t least_ = 1;
  uint32_t left_ = kStepsBetweenTries;  // steps to the next try
};

}  // namespace vknetd
