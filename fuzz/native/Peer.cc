#include "Peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "Promise.h"
#include "Stage.h"

namespace fuzz {

namespace {

const uint32_t kReadMax = 65536;

uint8_t octet_of(uint32_t number, uint32_t at) {
  return static_cast<uint8_t>((number * 2654435761u) >> (8 * (at & 3))) ^
         static_cast<uint8_t>(at * 7);
}

}  // namespace

void fill(uint8_t* octets, uint32_t size, uint32_t number) {
  for (uint32_t i = 0; i < size; i++) octets[i] = octet_of(number, i);
}

bool is_filled(const uint8_t* octets, uint32_t size, uint32_t number) {
  for (uint32_t i = 0; i < size; i++) {
    if (octets[i] != octet_of(number, i)) return false;
  }
  return true;
}

bool Peer::send(uint32_t number, uint32_t size, bool rights) {
  if (fd < 0 || finished) return false;
  std::vector<uint8_t> octets(size);
  fill(octets.data(), size, number);
  ssize_t sent;
  if (kind == PeerKind::Pipe) {
    // A pipe knows no empty packets, and cuts those of more than a page in two.
    if (size == 0 || size > 4096) return false;
    sent = write(fd, octets.data(), size);
    rights = false;
  } else {
    struct iovec vector = {octets.data(), size};
    struct msghdr message;
    memset(&message, 0, sizeof(message));
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    union {
      struct cmsghdr header;
      char space[CMSG_SPACE(sizeof(int))];
    } control;
    if (rights) {
      memset(&control, 0, sizeof(control));
      message.msg_control = control.space;
      message.msg_controllen = sizeof(control.space);
      struct cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      // Not its own: a socket on its way is not closed.
      memcpy(CMSG_DATA(header), &stage().listener, sizeof(int));
    }
    sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (sent < 0) return false;
  PROMISE(static_cast<uint32_t>(sent) == size, "the kernel took a part of a packet");
  to_exchange.push_back(Packet{number, size, rights});
  return true;
}

bool Peer::read(uint32_t count) {
  if (fd < 0 || kind == PeerKind::Pipe) return false;
  static uint8_t octets[kReadMax];
  for (uint32_t i = 0; i < count; i++) {
    ssize_t size = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);
    if (size < 0 && errno == ECONNRESET) size = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);
    if (size < 0) {
      PROMISE(errno == EAGAIN && from_exchange.empty(), "a frame that was sent did not arrive");
      return false;
    }
    if (size == 0) {
      PROMISE(from_exchange.empty(), "frames were lost at the end of a connection");
      return true;
    }
    PROMISE(!from_exchange.empty(), "a frame arrived that was not sent");
    const Packet expected = from_exchange.front();
    from_exchange.pop_front();
    PROMISE(static_cast<uint32_t>(size) == expected.size, "a frame arrived with another size");
    PROMISE(is_filled(octets, expected.size, expected.number), "a frame arrived changed");
  }
  return false;
}

bool Peer::is_over() { return fd >= 0 && from_exchange.empty() && read(1); }

void Peer::finish() {
  if (fd < 0 || kind == PeerKind::Pipe) return;
  shutdown(fd, SHUT_WR);
  finished = true;
}

void Peer::close_end() {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace fuzz
