// Sources: unix(7) and DragonFly's unix(4) SCM_RIGHTS; recvmsg(2) MSG_CTRUNC, MSG_CMSG_CLOEXEC.

#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace vknetd {

namespace {

const size_t kControlSize = CMSG_SPACE(kDescriptorsPerMessage * sizeof(int));

// 0 when something can be done, -EAGAIN when it cannot within the time.
int wait_for(int fd, short events, int wait_ms) {
  struct pollfd polled = {fd, events, 0};
  const int found = poll(&polled, 1, wait_ms);
  if (found < 0) return errno == EINTR ? -EAGAIN : -errno;
  return found == 0 ? -EAGAIN : 0;
}

void close_all(const int* descriptors, size_t count) {
  for (size_t i = 0; i < count; i++) close(descriptors[i]);
}

// What came along with a message; those for which there is no room are closed.
size_t rights_of(struct msghdr* message, int* descriptors) {
  size_t count = 0;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < found; i++) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
      if (count < kDescriptorsPerMessage) {
        descriptors[count++] = fd;
      } else {
        close(fd);
      }
    }
  }
  return count;
}

}  // namespace

int descriptor_duplicate(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return copy < 0 ? -errno : copy;
}

int64_t handover_send(int fd, const uint8_t* octets, size_t size, const int* descriptors,
                      size_t descriptor_count, int wait_ms) {
  if (size == 0 || descriptor_count > kDescriptorsPerMessage) return -EINVAL;
  const int error = wait_for(fd, POLLOUT, wait_ms);
  if (error < 0) return error;
  alignas(struct cmsghdr) uint8_t control[kControlSize] = {};
  struct iovec part = {const_cast<uint8_t*>(octets), size};
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor_count > 0) {
    const size_t length = descriptor_count * sizeof(int);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(length);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(header), descriptors, length);
  }
  const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return sent;
  return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int64_t handover_receive(int fd, uint8_t* into, size_t size, int* descriptors,
                         size_t* descriptor_count, int wait_ms) {
  *descriptor_count = 0;
  const int error = wait_for(fd, POLLIN, wait_ms);
  if (error < 0) return error;
  alignas(struct cmsghdr) uint8_t control[kControlSize];
  struct iovec part = {into, size};
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received < 0) return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
  *descriptor_count = rights_of(&message, descriptors);
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    close_all(descriptors, *descriptor_count);
    *descriptor_count = 0;
    return -EMFILE;
  }
  return received;
}

int pidfile_rewrite(int fd, int32_t pid) {
  char text[16];
  const int size = snprintf(text, sizeof(text), "%d\n", static_cast<int>(pid));
  // Written first and cut then: who reads meanwhile finds a number.
  const ssize_t written = pwrite(fd, text, static_cast<size_t>(size), 0);
  if (written < 0) return -errno;
  return ftruncate(fd, size) < 0 ? -errno : 0;
}

}  // namespace vknetd
