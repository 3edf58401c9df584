#include "segments.h"

#include <string.h>

namespace vknetd {

namespace {

const uint32_t kEthernet = 14;
const uint32_t kTag = 4;
const uint32_t kTagsMax = 2;
const uint32_t kIpv4 = 20;
const uint32_t kIpv6 = 40;
const uint32_t kTcp = 20;
const uint32_t kLengthMax = 65535;
const uint8_t kProtocolTcp = 6;

const uint32_t kSequence = 4;
const uint32_t kFlags = 13;
const uint32_t kSum = 16;
const uint8_t kFin = 0x01;
const uint8_t kPush = 0x08;
const uint8_t kAck = 0x10;
const uint8_t kCwr = 0x80;

uint16_t get16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t get32(const uint8_t* at) {
  return static_cast<uint32_t>(get16(at)) << 16 | get16(at + 2);
}
void put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void put32(uint8_t* at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

// ---- The Internet checksum (RFC 1071) ----

uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// The sum of octets as big-endian words, folded. They are added as they lie in memory and turned at the end, which
// RFC 1071 (2.B) allows; four sums at once, for each addition waits for the last one.
uint16_t sum_of(const uint8_t* octets, uint32_t size) {
  uint64_t sums[4] = {0, 0, 0, 0};
  uint32_t at = 0;
  for (; at + 16 <= size; at += 16) {
    uint32_t words[4];
    memcpy(words, octets + at, sizeof(words));
    for (int i = 0; i < 4; i++) sums[i] += words[i];
  }
  for (; at + 2 <= size; at += 2) {
    uint16_t word;
    memcpy(&word, octets + at, sizeof(word));
    sums[0] += word;
  }
  if (at < size) {
    uint16_t word = 0;
    memcpy(&word, octets + at, 1);
    sums[1] += word;
  }
  const uint16_t sum = fold(sums[0] + sums[1] + sums[2] + sums[3]);
  uint8_t bytes[2];
  memcpy(bytes, &sum, sizeof(sum));
  return get16(bytes);
}

uint16_t complement(uint16_t sum) { return static_cast<uint16_t>(~sum); }

void put_ipv4_sum(uint8_t* header, uint32_t size) {
  put16(header + 10, 0);
  put16(header + 10, complement(sum_of(header, size)));
}

}  // namespace

// ---- What precedes a frame ----

Offload offload_read(const uint8_t* octets) {
  const auto half = [octets](uint32_t at) {
    return static_cast<uint16_t>(octets[at] | octets[at + 1] << 8);
  };
  return Offload{octets[0], octets[1], half(2), half(4), half(6), half(8)};
}

void offload_write(const Offload& offload, uint8_t* octets) {
  const uint16_t halves[] = {offload.header_bytes, offload.payload_bytes, offload.sum_start,
                             offload.sum_offset};
  octets[0] = offload.flags;
  octets[1] = offload.type;
  for (uint32_t i = 0; i < 4; i++) {
    octets[2 + 2 * i] = static_cast<uint8_t>(halves[i]);
    octets[3 + 2 * i] = static_cast<uint8_t>(halves[i] >> 8);
  }
}

bool sum_complete(uint8_t* frame, uint32_t size, const Offload& offload) {
  const uint32_t at = static_cast<uint32_t>(offload.sum_start) + offload.sum_offset;
  if (offload.sum_start >= size || at + 2 > size) return false;
  // The sum of the pseudo-header lies where the checksum will, and is summed with the rest.
  const uint16_t sum = complement(sum_of(frame + offload.sum_start, size - offload.sum_start));
  // In UDP 0 says that there is no checksum; elsewhere both are right.
  put16(frame + at, sum == 0 ? 0xffff : sum);
  return true;
}

// ---- Cutting ----

bool Cutter::begin(const uint8_t* segment, uint32_t size, const Offload& offload) {
  drop();
  const uint8_t type = offload.type & static_cast<uint8_t>(~OFFLOAD_ECN);
  if (type != OFFLOAD_TCP4 && type != OFFLOAD_TCP6) return false;
  if ((offload.flags & OFFLOAD_NEEDS_SUM) == 0 || offload.payload_bytes == 0) return false;
  uint32_t l3 = kEthernet;
  for (uint32_t tags = 0; tags < kTagsMax && l3 <= size; tags++) {
    const uint16_t ether_type = get16(segment + l3 - 2);
    if (ether_type != 0x8100 && ether_type != 0x88a8) break;
    l3 += kTag;
  }
  const uint32_t l4 = offload.sum_start;
  is_ipv4_ = type == OFFLOAD_TCP4;
  const uint32_t l3_min = is_ipv4_ ? kIpv4 : kIpv6;
  if (l4 < l3 + l3_min || size < l4 + kTcp || offload.sum_offset != kSum) return false;
  if (get16(segment + l3 - 2) != (is_ipv4_ ? 0x0800 : 0x86dd)) return false;
  if (is_ipv4_ && l4 != l3 + (segment[l3] & 15u) * 4) return false;
  const uint32_t header = l4 + (segment[l4 + 12] >> 4) * 4u;
  if (header < l4 + kTcp || header >= size) return false;
  segment_ = segment;
  l3_ = l3;
  l4_ = l4;
  header_ = header;
  payload_ = size - header;
  part_ = offload.payload_bytes;
  taken_ = 0;
  number_ = 0;
  // The sum of the pseudo-header, with the length of the whole, lies where the checksum will.
  pseudo_ = get16(segment + l4 + kSum) + complement(fold(size - l4));
  return true;
}

uint32_t Cutter::next(uint8_t* frame, uint32_t capacity) {
  const uint32_t left = payload_ - taken_;
  const uint32_t part = left < part_ ? left : part_;
  const uint8_t* payload = segment_ + header_ + taken_;
  const uint32_t size = header_ + part;
  const bool first = taken_ == 0;
  const bool last = part == left;
  const uint32_t before = taken_;
  taken_ += part;
  if (size > capacity) {
    number_++;
    const uint32_t kept = header_ < capacity ? header_ : capacity;
    memcpy(frame, segment_, kept);
    memcpy(frame + kept, payload, capacity - kept);
    return capacity;
  }
  memcpy(frame, segment_, header_);
  memcpy(frame + header_, payload, part);
  uint8_t* const l3 = frame + l3_;
  uint8_t* const l4 = frame + l4_;
  if (is_ipv4_) {
    put16(l3 + 2, size - l3_);
    put16(l3 + 4, static_cast<uint32_t>(get16(l3 + 4)) + number_);
    put_ipv4_sum(l3, l4_ - l3_);
  } else {
    put16(l3 + 4, size - l3_ - kIpv6);
  }
  number_++;
  put32(l4 + kSequence, get32(l4 + kSequence) + before);
  if (!last) l4[kFlags] &= static_cast<uint8_t>(~(kFin | kPush));
  if (!first) l4[kFlags] &= static_cast<uint8_t>(~kCwr);
  put16(l4 + kSum, 0);
  const uint64_t sum = static_cast<uint64_t>(pseudo_) + (size - l4_) + sum_of(l4, size - l4_);
  put16(l4 + kSum, complement(fold(sum)));
  return size;
}

// ---- Joining ----

namespace {

// A frame that holds a TCP segment with payload and nothing else, IP options least of all.
struct Segment {
  uint32_t l4;
  uint32_t header;
  uint32_t payload;
  bool is_ipv4;
};

bool segment_of(const FrameSlot& frame, Segment* out) {
  const uint8_t* octets = frame.bytes;
  if (frame.size <= kEthernet + kIpv4 + kTcp) return false;
  const uint16_t ether_type = get16(octets + kEthernet - 2);
  const uint8_t* l3 = octets + kEthernet;
  out->is_ipv4 = ether_type == 0x0800;
  if (out->is_ipv4) {
    // No options; whole, so that flags other than "don't fragment" are clear.
    if (l3[0] != 0x45 || l3[9] != kProtocolTcp || (get16(l3 + 6) & 0xbfff) != 0) return false;
    // An octet after the end is not part of the segment.
    if (get16(l3 + 2) != frame.size - kEthernet) return false;
    out->l4 = kEthernet + kIpv4;
  } else {
    if (ether_type != 0x86dd || frame.size <= kEthernet + kIpv6 + kTcp) return false;
    if (l3[0] >> 4 != 6 || l3[6] != kProtocolTcp) return false;
    if (get16(l3 + 4) != frame.size - kEthernet - kIpv6) return false;
    out->l4 = kEthernet + kIpv6;
  }
  const uint8_t* l4 = octets + out->l4;
  out->header = out->l4 + (l4[12] >> 4) * 4u;
  if (out->header < out->l4 + kTcp || out->header >= frame.size) return false;
  out->payload = frame.size - out->header;
  return (l4[12] & 15) == 0 && (l4[kFlags] & ~kPush) == kAck;
}

uint64_t pseudo_sum(const uint8_t* frame, const Segment& segment, uint32_t length) {
  const uint32_t addresses = segment.is_ipv4 ? 8 : 32;
  return static_cast<uint64_t>(sum_of(frame + segment.l4 - addresses, addresses)) + kProtocolTcp + length;
}

// Right, and spelt as segmentation would: 0xffff stands for 0 as well, but is never written.
bool sums_right(const FrameSlot& frame, const Segment& segment) {
  const uint8_t* l3 = frame.bytes + kEthernet;
  if (segment.is_ipv4 && (get16(l3 + 10) == 0xffff || sum_of(l3, kIpv4) != 0xffff)) return false;
  const uint32_t length = frame.size - segment.l4;
  const uint8_t* l4 = frame.bytes + segment.l4;
  if (get16(l4 + kSum) == 0xffff) return false;
  return fold(pseudo_sum(frame.bytes, segment, length) + sum_of(l4, length)) == 0xffff;
}

bool same(const uint8_t* one, const uint8_t* other, uint32_t from, uint32_t to) {
  return memcmp(one + from, other + from, to - from) == 0;
}

// Whether two headers differ in nothing but what segmentation counts up, lengths, sums and PSH.
bool headers_alike(const uint8_t* first, const uint8_t* later, const Segment& segment) {
  const uint32_t l3 = kEthernet;
  const uint32_t l4 = segment.l4;
  const bool network = segment.is_ipv4
      ? same(first, later, 0, l3 + 2) && same(first, later, l3 + 6, l3 + 10) && same(first, later, l3 + 12, l4)
      : same(first, later, 0, l3 + 4) && same(first, later, l3 + 6, l4);
  return network && same(first, later, l4, l4 + kSequence) && same(first, later, l4 + 8, l4 + kFlags) &&
         same(first, later, l4 + kFlags + 1, l4 + kSum) && same(first, later, l4 + kSum + 2, segment.header);
}

// Whether `later` is the segment that comes `number` frames after `first`, `sent` octets on.
bool continues(const FrameSlot& first, const Segment& segment, const FrameSlot& later, uint32_t number,
               uint32_t sent, Segment* out) {
  if (later.size > first.size || !segment_of(later, out)) return false;
  if (out->l4 != segment.l4 || out->header != segment.header) return false;
  if (!headers_alike(first.bytes, later.bytes, segment)) return false;
  const uint32_t id = kEthernet + 4;
  if (segment.is_ipv4 &&
      get16(later.bytes + id) != static_cast<uint16_t>(get16(first.bytes + id) + number)) {
    return false;
  }
  const uint32_t sequence = segment.l4 + kSequence;
  return get32(later.bytes + sequence) == get32(first.bytes + sequence) + sent;
}

bool pushes(const FrameSlot& frame, const Segment& segment) {
  return (frame.bytes[segment.l4 + kFlags] & kPush) != 0;
}

}  // namespace

uint32_t joinable(const FrameSlot* frames, uint32_t count) {
  Segment first;
  if (count < 2 || !segment_of(frames[0], &first) || pushes(frames[0], first)) return 1;
  // An IPv6 length leaves its own header out; counting it all the same costs nothing.
  uint32_t length = frames[0].size - kEthernet;
  for (uint32_t i = 1; i < count; i++) {
    Segment later;
    if (!continues(frames[0], first, frames[i], i, i * first.payload, &later)) return i;
    length += later.payload;
    if (length > kLengthMax) return i;
    // Sums last: most of what does not go together is known by less.
    if (i == 1 && !sums_right(frames[0], first)) return 1;
    if (!sums_right(frames[i], later)) return i;
    if (later.payload < first.payload || pushes(frames[i], later)) return i + 1;
  }
  return count;
}

uint32_t join(const FrameSlot* frames, uint32_t count, uint8_t headers[kJoinedHeaderMax], Offload* offload) {
  Segment first;
  segment_of(frames[0], &first);
  uint32_t payload = 0;
  for (uint32_t i = 0; i < count; i++) payload += frames[i].size - first.header;
  memcpy(headers, frames[0].bytes, first.header);
  uint8_t* l3 = headers + kEthernet;
  uint8_t* l4 = headers + first.l4;
  const uint32_t length = first.header - first.l4 + payload;
  if (first.is_ipv4) {
    put16(l3 + 2, kIpv4 + length);
    put_ipv4_sum(l3, kIpv4);
  } else {
    put16(l3 + 4, length);
  }
  if (pushes(frames[count - 1], first)) l4[kFlags] |= kPush;
  put16(l4 + kSum, fold(pseudo_sum(headers, first, length)));
  *offload = Offload{OFFLOAD_NEEDS_SUM,
                     first.is_ipv4 ? OFFLOAD_TCP4 : OFFLOAD_TCP6,
                     static_cast<uint16_t>(first.header),
                     static_cast<uint16_t>(first.payload),
                     static_cast<uint16_t>(first.l4),
                     static_cast<uint16_t>(kSum)};
  return first.header;
}

}  // namespace vknetd
