// A tap before whose frames a header stands: what it reads may be a large segment, and so may what it is given.
#pragma once

#include "kernel.h"
#include "segments.h"

namespace vknetd {

class SegmentTap {
 public:
  explicit SegmentTap(int fd) : fd_(fd) {}
  SegmentTap(const SegmentTap&) = delete;
  SegmentTap& operator=(const SegmentTap&) = delete;

  // As frames_receive. What was read and does not fit is kept, and comes first the next time.
  ReceiveResult receive(FrameSlot* frames, int count, uint32_t limit);
  // Whether there is something to receive of which the poller does not know.
  bool waits() const { return !cutter_.empty(); }
  // Held back, nothing is read: what was read before is given out, and nothing comes after it.
  void hold_back(bool on) { held_back_ = on; }
  // As frames_send; frames that can go as one segment do.
  int send(const FrameSlot* frames, int count, int* error);

 private:
  // 64 KiB of IP at most, with an Ethernet header and tags; and then some, so that more is seen to be too much.
  static const uint32_t kSegmentMax = 65536 + 64;

  uint32_t read_one(FrameSlot* frame, uint32_t limit, int* error);
  int write_joined(const FrameSlot* frames, int count);
  int write_one(const FrameSlot& frame);

  int fd_;
  bool held_back_ = false;
  Cutter cutter_;
  uint8_t segment_[kSegmentMax];
};

}  // namespace vknetd
