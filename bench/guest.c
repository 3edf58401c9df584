// Frames and their sending and receiving; attach.c has the ways to a switch.
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ETHERNET_BYTES = 14, IPV4_BYTES = 20, UDP_BYTES = 8, MARK_AT = 42, NUMBER_AT = 46 };

// Octets 42 to 45 of every frame of ours; the number follows.
static const uint8_t mark[4] = {'b', 'n', 'c', 'h'};

void fail(const char* what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void put16(uint8_t* at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t* at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

static unsigned checksum(const uint8_t* octets, size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < count; i += 2) sum += (unsigned)(octets[i] << 8 | octets[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

void guest_address(struct guest* guest, const struct guest* to, size_t bytes) {
  uint8_t* frame = guest->frame;
  memset(frame, 0, bytes);
  if (to == NULL) memset(frame, 0xff, 6);
  else memcpy(frame, to->mac, 6);
  memcpy(frame + 6, guest->mac, 6);
  put16(frame + 12, 0x0800);
  uint8_t* ip = frame + ETHERNET_BYTES;
  ip[0] = 0x45;
  put16(ip + 2, (unsigned)bytes - ETHERNET_BYTES);
  ip[8] = 64;
  ip[9] = 17;
  put32(ip + 12, guest->address);
  put32(ip + 16, to == NULL ? 0xffffffff : to->address);
  put16(ip + 10, checksum(ip, IPV4_BYTES));
  uint8_t* udp = ip + IPV4_BYTES;
  put16(udp, 9001);
  put16(udp + 2, 9001);
  // A checksum of zero says that there is none (RFC 768), so that the number can change alone.
  put16(udp + 4, (unsigned)bytes - ETHERNET_BYTES - IPV4_BYTES);
  memcpy(frame + MARK_AT, mark, sizeof mark);
}

bool guest_send(struct guest* guest, size_t bytes, bool wait) {
  memcpy(guest->frame + NUMBER_AT, &guest->sent, sizeof guest->sent);
  for (;;) {
    const ssize_t done = guest->is_tap
                             ? write(guest->fd, guest->frame, bytes)
                             : send(guest->fd, guest->frame, bytes, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    if (done == (ssize_t)bytes) {
      guest->sent++;
      return true;
    }
    if (done >= 0) errno = EMSGSIZE;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS) return false;
    fail("send");
  }
}

bool guest_receive(struct guest* guest, bool wait) {
  uint8_t octets[FRAME_BYTES_MAX];
  for (;;) {
    ssize_t size;
    if (guest->is_tap) {
      // A tap does not block here, so that one call is one frame as elsewhere.
      size = read(guest->fd, octets, sizeof octets);
      if (size < 0 && errno == EAGAIN && wait) {
        struct pollfd look = {guest->fd, POLLIN, 0};
        if (poll(&look, 1, 200) > 0) continue;
        return false;
      }
    } else {
      size = recv(guest->fd, octets, sizeof octets, wait ? 0 : MSG_DONTWAIT);
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    if (size < 0) fail("receive");
    if (size == 0) {
      errno = ECONNRESET;
      fail("receive");
    }
    if (size < FRAME_BYTES_MIN || memcmp(octets + MARK_AT, mark, sizeof mark) != 0) continue;
    uint64_t number;
    memcpy(&number, octets + NUMBER_AT, sizeof number);
    guest->received++;
    if (number < guest->expected) {
      guest->late++;
    } else {
      guest->missing += number - guest->expected;
      guest->expected = number + 1;
    }
    return true;
  }
}

void guest_patience(struct guest* guest, int milliseconds) {
  if (guest->is_tap) return;
  const struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
  if (setsockopt(guest->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
      setsockopt(guest->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0) {
    fail("setsockopt");
  }
}

void guests_drain(struct guest* guests, int count, int quiet_ms) {
  struct pollfd* looks = calloc((size_t)count, sizeof *looks);
  if (looks == NULL) fail("memory");
  for (int i = 0; i < count; i++) looks[i] = (struct pollfd){guests[i].fd, POLLIN, 0};
  while (poll(looks, (nfds_t)count, quiet_ms) > 0) {
    for (int i = 0; i < count; i++) {
      if (looks[i].revents == 0) continue;
      while (guest_receive(&guests[i], false)) {}
    }
  }
  free(looks);
}

void guests_announce(struct guest* guests, int count) {
  for (int i = 0; i < count; i++) {
    guest_address(&guests[i], i == 0 ? &guests[count - 1] : &guests[0], FRAME_BYTES_MIN);
    while (!guest_send(&guests[i], FRAME_BYTES_MIN, false)) poll(NULL, 0, 1);
    if (i % 32 == 0) guests_drain(guests, i + 1, 2);
  }
  guests_drain(guests, count, 60);
  for (int i = 0; i < count; i++) {
    struct guest* guest = &guests[i];
    guest->sent = guest->received = guest->expected = guest->missing = guest->late = 0;
  }
}
