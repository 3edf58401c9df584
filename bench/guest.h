// A guest as a switch sees one: a descriptor, an address, frames with sequence numbers.
//
// Frames are whole: Ethernet, IPv4 and UDP headers with right lengths and checksums, from distinct
// addresses inside 10.1.0.0/16, so that a switch that judges them lets them through. One system
// call moves one frame, as a guest's driver does it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_BYTES_MIN = 60, FRAME_BYTES_MAX = 9018 };

// How a guest gets to its switch.
enum attachment {
  ATTACH_SEQPACKET,  // one connection, one packet a frame
  ATTACH_VDE,        // vde2: a request on PATH/ctl, frames as datagrams
  ATTACH_BRIDGE      // a tap in this process's network namespace, member of a kernel bridge
};

struct guest {
  int fd;
  int control;  // what must stay open besides, or -1
  bool is_tap;
  uint8_t mac[6];
  uint32_t address;
  uint8_t frame[FRAME_BYTES_MAX];  // next frame to send; its sequence number is `sent`
  uint64_t sent;
  uint64_t received;
  uint64_t expected;  // sequence number of the next frame to receive
  uint64_t missing;   // numbers that were passed over
  uint64_t late;      // frames with a number below `expected`
};

// Connects guest `index`; ends the process with a message if that fails.
void guest_attach(struct guest* guest, enum attachment how, const char* path, int index);
void guest_detach(struct guest* guest);

// Prepares frames of `bytes` octets for `to`, or for everybody when `to` is NULL.
void guest_address(struct guest* guest, const struct guest* to, size_t bytes);

// Sends the prepared frame under the next number. False when there is no room (`wait` false),
// or when the time that the descriptor was given ran out.
bool guest_send(struct guest* guest, size_t bytes, bool wait);

// Receives one frame. False when none waits. What is no frame of ours is not counted.
bool guest_receive(struct guest* guest, bool wait);

// Blocking calls on this guest give up after so long.
void guest_patience(struct guest* guest, int milliseconds);

// Makes guests known to a learning switch: each sends a frame to the first. Drains them all.
void guests_announce(struct guest* guests, int count);

// Reads and forgets whatever waits, until nothing has come for `quiet_ms`.
void guests_drain(struct guest* guests, int count, int quiet_ms);

// A namespace of this process's own, with a bridge in it; both go when the process does.
void bridge_make(void);

void fail(const char* what);
