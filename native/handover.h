// How one process hands open descriptors to another, over a connected AF_UNIX stream socket.
//
// The same manner as kernel.h: plain functions, no Node headers, the negated errno on failure.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vknetd {

// Descriptors that one message can carry: SCM_MAX_FD of Linux, the smallest bound of all.
const size_t kDescriptorsPerMessage = 253;

// Another close-on-exec descriptor of the same open file.
int descriptor_duplicate(int fd);

// Waits up to `wait_ms` for room and sends what fits, with the first octet the descriptors: octets
// sent, 1 or more, or -EAGAIN. The descriptors have gone if anything has.
int64_t handover_send(int fd, const uint8_t* octets, size_t size, const int* descriptors,
                      size_t descriptor_count, int wait_ms);

// Waits up to `wait_ms` and receives up to `size` octets: 0 at the end, or -EAGAIN. Descriptors that came
// along are put into `descriptors`, which has room for kDescriptorsPerMessage, close-on-exec.
// -EMFILE if they were more than this process may open: those that came are closed then.
int64_t handover_receive(int fd, uint8_t* into, size_t size, int* descriptors,
                         size_t* descriptor_count, int wait_ms);

// Writes `pid` into a pid file that is held already.
int pidfile_rewrite(int fd, int32_t pid);

}  // namespace vknetd
