#include "segment_tap.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

namespace vknetd {

namespace {

// Frames that one call may carry.
const int kJoinedMax = 64;

int write_all(int fd, const struct iovec* vectors, int count) {
  ssize_t written;
  do {
    written = writev(fd, vectors, count);
  } while (written < 0 && errno == EINTR);
  return written < 0 ? errno : 0;
}

bool is_final(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EBADF; }

}  // namespace

// ---- Receiving ----

ReceiveResult SegmentTap::receive(FrameSlot* frames, int count, uint32_t limit) {
  ReceiveResult result = {0, 0, false, 0};
  while (result.count < count) {
    if (cutter_.empty() && held_back_) {
      result.error = EAGAIN;
      break;
    }
    if (cutter_.empty()) {
      result.count += static_cast<int>(read_one(&frames[result.count], limit, &result.error));
      if (result.error != 0) break;
    } else {
      frames[result.count].size = cutter_.next(frames[result.count].bytes, limit + 1);
      result.count++;
    }
  }
  return result;
}

// Reads a frame into its place, 1; or a large segment, of which then the cutter has frames, 0.
uint32_t SegmentTap::read_one(FrameSlot* frame, uint32_t limit, int* error) {
  uint8_t header[kOffloadBytes];
  // What goes beyond a frame follows in the segment's place, leaving room there for the beginning.
  const uint32_t slot = limit + 1;
  const struct iovec vectors[3] = {
      {header, sizeof(header)}, {frame->bytes, slot}, {segment_ + slot, sizeof(segment_) - slot}};
  ssize_t got;
  do {
    got = readv(fd_, vectors, 3);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    *error = errno;
    return 0;
  }
  if (got < static_cast<ssize_t>(sizeof(header))) {
    frame->size = 0;
    return 1;
  }
  const uint32_t size = static_cast<uint32_t>(got) - kOffloadBytes;
  const Offload offload = offload_read(header);
  if (offload.type != OFFLOAD_NONE && size < sizeof(segment_)) {
    memcpy(segment_, frame->bytes, size < slot ? size : slot);
    if (cutter_.begin(segment_, size, offload)) return 0;
  } else if (offload.type == OFFLOAD_NONE && (offload.flags & OFFLOAD_NEEDS_SUM) != 0 && size <= limit) {
    sum_complete(frame->bytes, size, offload);
  }
  frame->size = size <= limit && offload.type == OFFLOAD_NONE ? size : slot;
  return 1;
}

// ---- Sending ----

int SegmentTap::send(const FrameSlot* frames, int count, int* error) {
  *error = 0;
  int sent = 0;
  bool joining = true;
  while (sent < count) {
    const int left = count - sent < kJoinedMax ? count - sent : kJoinedMax;
    const int together = joining ? static_cast<int>(joinable(frames + sent, static_cast<uint32_t>(left))) : 1;
    const int failed = together > 1 ? write_joined(frames + sent, together) : write_one(frames[sent]);
    if (failed == 0) {
      sent += together;
    } else if (together > 1 && !is_final(failed)) {
      // What is refused as a whole may be taken in pieces, and each then has an outcome of its own.
      joining = false;
    } else {
      *error = failed;
      break;
    }
  }
  return sent;
}

int SegmentTap::write_joined(const FrameSlot* frames, int count) {
  uint8_t headers[kOffloadBytes + kJoinedHeaderMax];
  struct iovec vectors[1 + kJoinedMax];
  Offload offload;
  const uint32_t from = join(frames, static_cast<uint32_t>(count), headers + kOffloadBytes, &offload);
  offload_write(offload, headers);
  vectors[0] = {headers, kOffloadBytes + from};
  for (int i = 0; i < count; i++) vectors[1 + i] = {frames[i].bytes + from, frames[i].size - from};
  return write_all(fd_, vectors, 1 + count);
}

int SegmentTap::write_one(const FrameSlot& frame) {
  uint8_t header[kOffloadBytes] = {};
  const struct iovec vectors[2] = {{header, sizeof(header)}, {frame.bytes, frame.size}};
  return write_all(fd_, vectors, 2);
}

}  // namespace vknetd
