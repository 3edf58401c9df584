// Large TCP segments and the frames they stand for: what a network card does for a kernel that offloads to it.
//
// Plain functions on octets, without descriptors. They know of headers what cutting, joining and sums need, which
// is where a TCP header lies and what changes from one segment to the next; addresses are looked at only to see
// that two are the same.
#pragma once

#include <stdint.h>

#include "kernel.h"

namespace vknetd {

// struct virtio_net_hdr, little-endian: what precedes each frame (Virtual I/O Device 1.2, 5.1.6).
const uint32_t kOffloadBytes = 10;

enum OffloadFlag : uint8_t { OFFLOAD_NEEDS_SUM = 1 };
enum OffloadType : uint8_t { OFFLOAD_NONE = 0, OFFLOAD_TCP4 = 1, OFFLOAD_TCP6 = 4, OFFLOAD_ECN = 0x80 };

struct Offload {
  uint8_t flags;           // OffloadFlag
  uint8_t type;            // OffloadType
  uint16_t header_bytes;   // of a large segment: all up to its payload
  uint16_t payload_bytes;  // of a large segment: what each frame but the last carries
  uint16_t sum_start;      // NEEDS_SUM: first octet that the sum covers,
  uint16_t sum_offset;     // and where from there it is to be put
};

Offload offload_read(const uint8_t* octets);
void offload_write(const Offload& offload, uint8_t* octets);

// Completes the checksum of a frame for which only the pseudo-header has been summed. False, and nothing is
// written, if it would lie outside.
bool sum_complete(uint8_t* frame, uint32_t size, const Offload& offload);

// Cuts one large segment into the frames that it stands for, as Linux' own segmentation does: lengths, IPv4
// identification, sequence numbers and sums are each frame's; FIN and PSH are in the last alone, CWR in the first.
class Cutter {
 public:
  // False if this is no large segment that can be cut. It is read until the last frame has been taken.
  bool begin(const uint8_t* segment, uint32_t size, const Offload& offload);
  bool empty() const { return taken_ >= payload_; }
  void drop() { taken_ = payload_; }
  // Writes the next frame and returns its octets; one that is longer than `capacity` is cut there.
  uint32_t next(uint8_t* frame, uint32_t capacity);

 private:
  const uint8_t* segment_ = nullptr;
  uint32_t l3_ = 0;
  uint32_t l4_ = 0;
  uint32_t header_ = 0;
  uint32_t payload_ = 0;  // of the whole segment
  uint32_t part_ = 0;     // of each frame but the last
  uint32_t taken_ = 0;
  uint32_t pseudo_ = 0;   // sum of the pseudo-header without the length
  uint16_t number_ = 0;   // of the next frame
  bool is_ipv4_ = false;
};

// Header octets of what can be joined at most: Ethernet, IPv6 and TCP with all its options.
const uint32_t kJoinedHeaderMax = 14 + 40 + 60;

// How many frames, from the first on, can go as one large segment whose segmentation gives back those same frames,
// octet for octet: consecutive segments of one TCP connection with right checksums. 1 if none can follow the first.
uint32_t joinable(const FrameSlot* frames, uint32_t count);

// Writes the headers of `count` frames gone together, as many as `joinable` said: what follows are their payloads,
// each of which begins at the returned offset.
uint32_t join(const FrameSlot* frames, uint32_t count, uint8_t headers[kJoinedHeaderMax], Offload* offload);

}  // namespace vknetd
