#include "Segments.h"

#include <string.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "../../native/segments.h"
#include "Octets.h"
#include "Promise.h"

namespace fuzz {

namespace {

using Frame = std::vector<uint8_t>;

const uint32_t kFramesMax = 64;

// ---- The slow account ----

uint32_t get(const Frame& frame, size_t at, size_t octets) {
  uint32_t value = 0;
  for (size_t i = 0; i < octets; i++) value = value << 8 | frame[at + i];
  return value;
}

void put(Frame* frame, size_t at, size_t octets, uint32_t value) {
  for (size_t i = octets; i > 0; i--, value >>= 8) (*frame)[at + i - 1] = static_cast<uint8_t>(value);
}

// RFC 1071, a word at a time.
uint16_t checksum(const Frame& octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i < octets.size(); i++) {
    sum += static_cast<uint32_t>(octets[i]) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

struct Shape {
  bool is_ipv4;
  size_t l3;
  size_t l4() const { return l3 + (is_ipv4 ? 20 : 40); }
};

Frame pseudo_header(const Frame& frame, const Shape& shape) {
  const size_t at = shape.is_ipv4 ? shape.l3 + 12 : shape.l3 + 8;
  Frame pseudo(frame.begin() + static_cast<long>(at), frame.begin() + static_cast<long>(shape.l4()));
  pseudo.resize(pseudo.size() + 4);
  put(&pseudo, pseudo.size() - 4, 2, 6);
  put(&pseudo, pseudo.size() - 2, 2, static_cast<uint32_t>(frame.size() - shape.l4()));
  return pseudo;
}

// Makes lengths and sums right.
void complete(Frame* frame, const Shape& shape) {
  const size_t size = frame->size();
  if (shape.is_ipv4) {
    put(frame, shape.l3 + 2, 2, static_cast<uint32_t>(size - shape.l3));
    put(frame, shape.l3 + 10, 2, 0);
    put(frame, shape.l3 + 10, 2,
        checksum(Frame(frame->begin() + static_cast<long>(shape.l3), frame->begin() + static_cast<long>(shape.l4()))));
  } else {
    put(frame, shape.l3 + 4, 2, static_cast<uint32_t>(size - shape.l4()));
  }
  put(frame, shape.l4() + 16, 2, 0);
  Frame covered = pseudo_header(*frame, shape);
  covered.insert(covered.end(), frame->begin() + static_cast<long>(shape.l4()), frame->end());
  put(frame, shape.l4() + 16, 2, checksum(covered));
}

// The frames that a large segment stands for: tcp_gso_segment and inet_gso_segment in words.
std::vector<Frame> split(const Frame& large, const Shape& shape, size_t part) {
  const size_t header = shape.l4() + (large[shape.l4() + 12] >> 4) * 4u;
  std::vector<Frame> frames;
  for (size_t at = header; at < large.size(); at += part) {
    const size_t end = std::min(large.size(), at + part);
    Frame frame(large.begin(), large.begin() + static_cast<long>(header));
    frame.insert(frame.end(), large.begin() + static_cast<long>(at), large.begin() + static_cast<long>(end));
    const uint32_t number = static_cast<uint32_t>(frames.size());
    if (shape.is_ipv4) put(&frame, shape.l3 + 4, 2, get(large, shape.l3 + 4, 2) + number);
    put(&frame, shape.l4() + 4, 4, get(large, shape.l4() + 4, 4) + number * static_cast<uint32_t>(part));
    uint32_t flags = large[shape.l4() + 13];
    if (end < large.size()) flags &= ~0x09u;
    if (number > 0) flags &= ~0x80u;
    put(&frame, shape.l4() + 13, 1, flags);
    complete(&frame, shape);
    frames.push_back(frame);
  }
  return frames;
}

// ---- Joining ----

struct Connection {
  Shape shape;
  Frame header;
  uint32_t part;
};

Connection connection_of(Octets& octets) {
  Connection made;
  made.shape = Shape{octets.one_in(2), 14};
  const size_t options = octets.one_in(2) ? 12 : octets.below(11) * 4;
  made.header.assign(made.shape.l4() + 20 + options, 0);
  for (uint8_t& octet : made.header) octet = octets.next();
  put(&made.header, 12, 2, made.shape.is_ipv4 ? 0x0800 : 0x86dd);
  if (made.shape.is_ipv4) {
    put(&made.header, 14, 1, 0x45);
    put(&made.header, 20, 2, octets.one_in(2) ? 0x4000 : 0);
    put(&made.header, 23, 1, 6);
  } else {
    put(&made.header, 14, 1, 0x60 | (made.header[14] & 15));
    put(&made.header, 20, 1, 6);
  }
  put(&made.header, made.shape.l4() + 12, 2, static_cast<uint32_t>((20 + options) / 4) << 12 | 0x10);
  const uint32_t parts[] = {1448, 1, 2, 7, 536, 1024, 1460, 4000};
  made.part = parts[octets.below(8)];
  return made;
}

// The frame that comes `number` frames after the first, `sent` octets on.
Frame frame_of(const Connection& of, uint32_t number, uint32_t sent, uint32_t payload) {
  Frame frame = of.header;
  for (uint32_t i = 0; i < payload; i++) frame.push_back(static_cast<uint8_t>((sent + i) * 31 >> 3));
  const size_t l4 = of.shape.l4();
  if (of.shape.is_ipv4) put(&frame, 18, 2, get(of.header, 18, 2) + number);
  put(&frame, l4 + 4, 4, get(of.header, l4 + 4, 4) + sent);
  complete(&frame, of.shape);
  return frame;
}

// Gives a frame a payload whose checksum is 0, and writes it as 0xffff.
void spell_zero(Frame* frame, const Shape& shape) {
  const size_t payload = shape.l4() + (get(*frame, shape.l4() + 12, 1) >> 4) * 4u;
  if (frame->size() < payload + 2) return;
  put(frame, payload, 2, 0);
  complete(frame, shape);
  put(frame, payload, 2, get(*frame, shape.l4() + 16, 2));
  put(frame, shape.l4() + 16, 2, 0xffff);
}

// Something that may or may not be let pass; whether sums are made right again is drawn, too.
void spoil(Frame* frame, const Shape& shape, Octets& octets) {
  const size_t anywhere = (octets.next() | octets.next() << 8) % frame->size();
  const size_t at = octets.one_in(8) ? anywhere : anywhere % (shape.l4() + 24);
  switch (octets.below(7)) {
    case 0: frame->push_back(octets.next()); return;
    case 1: put(frame, shape.l4() + 13, 1, octets.next()); break;
    case 2: spell_zero(frame, shape); return;
    case 3: frame->resize(std::max<size_t>(1, anywhere)); return;
    case 4: put(frame, shape.l4() + 4, 4, get(*frame, shape.l4() + 4, 4) + octets.next()); break;
    default: (*frame)[at] ^= static_cast<uint8_t>(1 << octets.below(8));
  }
  if (!octets.one_in(3)) complete(frame, shape);
}

void check_join(const std::vector<Frame>& frames, const Shape& shape, uint32_t least) {
  std::vector<std::unique_ptr<uint8_t[]>> copies;
  std::vector<vknetd::FrameSlot> slots;
  for (const Frame& frame : frames) {
    copies.emplace_back(new uint8_t[frame.size()]);
    memcpy(copies.back().get(), frame.data(), frame.size());
    slots.push_back({copies.back().get(), static_cast<uint32_t>(frame.size())});
  }
  const uint32_t count = vknetd::joinable(slots.data(), static_cast<uint32_t>(slots.size()));
  PROMISE(count >= 1 && count <= frames.size(), "joined are as many as there are");
  PROMISE(count >= least, "what goes together is joined");
  if (count == 1) return;
  uint8_t headers[vknetd::kJoinedHeaderMax];
  vknetd::Offload offload;
  const uint32_t from = vknetd::join(slots.data(), count, headers, &offload);
  PROMISE(from <= sizeof(headers) && from == offload.header_bytes, "headers have their length");
  Frame large(headers, headers + from);
  for (uint32_t i = 0; i < count; i++) large.insert(large.end(), frames[i].begin() + from, frames[i].end());
  PROMISE(large.size() <= 14 + 40 + 65535, "a large segment fits IP");
  const std::vector<Frame> again = split(large, shape, offload.payload_bytes);
  PROMISE(again.size() == count, "as many are cut as were joined");
  for (uint32_t i = 0; i < count; i++) PROMISE(again[i] == frames[i], "what was joined is what is cut");
  PROMISE(offload.sum_start == shape.l4() && offload.sum_offset == 16, "the sum lies where it is said to");
  vknetd::Cutter cutter;
  PROMISE(cutter.begin(large.data(), static_cast<uint32_t>(large.size()), offload), "what was joined can be cut");
  for (uint32_t i = 0; i < count; i++) {
    Frame frame(frames[i].size());
    PROMISE(cutter.next(frame.data(), static_cast<uint32_t>(frame.size())) == frame.size(), "a cut frame's size");
    PROMISE(frame == frames[i], "our cutting and the slow one agree");
  }
  PROMISE(cutter.empty(), "nothing is left");
}

void try_join(Octets& octets) {
  const Connection connection = connection_of(octets);
  const uint32_t count = 1 + octets.below(kFramesMax);
  const bool spoils = octets.one_in(2);
  std::vector<Frame> frames;
  uint32_t sent = 0;
  uint32_t least = 0;
  bool over = false;
  for (uint32_t i = 0; i < count; i++) {
    const bool is_short = octets.one_in(16);
    const uint32_t payload = is_short ? octets.below(connection.part) + 1 : connection.part;
    Frame frame = frame_of(connection, i, sent, payload);
    const bool pushed = octets.one_in(16);
    if (pushed) put(&frame, connection.shape.l4() + 13, 1, 0x18);
    if (pushed) complete(&frame, connection.shape);
    if (spoils && octets.one_in(8)) {
      spoil(&frame, connection.shape, octets);
      over = true;
    }
    sent += payload;
    // One without a sum that is spelt otherwise, in a segment that fits: has to go along.
    const size_t sum = connection.shape.l4() + 16;
    if (frame.size() <= sum + 2 || get(frame, sum, 2) == 0xffff || payload > connection.part) over = true;
    if (sent + connection.header.size() > 65535) over = true;
    if (!over) least = i + 1;
    if (pushed || payload < connection.part) over = true;
    frames.push_back(frame);
  }
  // A first frame that is shorter than the second, or pushes, goes alone.
  check_join(frames, connection.shape, least);
}

// ---- Cutting whatever one is told ----

void try_cut(Octets& octets) {
  const size_t size = (octets.next() << 8 | octets.next()) % 5000;
  const std::unique_ptr<uint8_t[]> segment(new uint8_t[size]);
  for (size_t i = 0; i < size; i++) segment[i] = static_cast<uint8_t>(i < 90 ? octets.next() : i * 7);
  uint8_t header[vknetd::kOffloadBytes];
  for (uint8_t& octet : header) octet = octets.next();
  vknetd::Offload offload = vknetd::offload_read(header);
  // Mostly what is nearly right, for chance alone comes to nothing.
  if (!octets.one_in(4) && size > 60) {
    const bool is_ipv4 = octets.one_in(2);
    segment[12] = is_ipv4 ? 8 : 0x86;
    segment[13] = is_ipv4 ? 0 : 0xdd;
    segment[14] = is_ipv4 ? 0x45 : 0x60;
    offload = vknetd::Offload{1, static_cast<uint8_t>(is_ipv4 ? 1 : 4), 0, static_cast<uint16_t>(octets.next() * 6),
                              static_cast<uint16_t>(is_ipv4 ? 34 : 54), 16};
  }
  uint8_t spelt[vknetd::kOffloadBytes];
  vknetd::offload_write(offload, spelt);
  const vknetd::Offload read = vknetd::offload_read(spelt);
  PROMISE(read.sum_start == offload.sum_start && read.payload_bytes == offload.payload_bytes, "a header is read");
  vknetd::Cutter cutter;
  if (cutter.begin(segment.get(), static_cast<uint32_t>(size), offload)) {
    const uint32_t capacity = 1 + octets.next() * 8;
    size_t payload = 0;
    while (!cutter.empty()) {
      const std::unique_ptr<uint8_t[]> frame(new uint8_t[capacity]);
      const uint32_t taken = cutter.next(frame.get(), capacity);
      PROMISE(taken > 0 && taken <= capacity, "a frame fits where it goes");
      PROMISE(++payload <= size, "cutting ends");
    }
  }
  vknetd::sum_complete(segment.get(), static_cast<uint32_t>(size), offload);
}

}  // namespace

void try_segments(const uint8_t* data, size_t size) {
  Octets octets(data, size);
  if (octets.one_in(3)) try_cut(octets);
  else try_join(octets);
}

}  // namespace fuzz
