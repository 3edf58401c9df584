// The other end of one of the exchange's descriptors, and what is on its way between the two.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <deque>

namespace fuzz {

// A frame is known by its number: octets follow from it and from the size.
struct Packet {
  uint32_t number;
  uint32_t size;
  bool rights;
};

void fill(uint8_t* octets, uint32_t size, uint32_t number);
bool is_filled(const uint8_t* octets, uint32_t size, uint32_t number);

enum class PeerKind : uint8_t {
  Socket,  // a sequenced-packet socket
  Pipe     // the writing end of a pipe of packets, which stands in for a tap's descriptor
};

class Peer {
 public:
  // Takes the descriptor over.
  Peer(int fd, PeerKind kind) : fd(fd), kind(kind) {}
  ~Peer() { close_end(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Sends a frame, with a descriptor along or not; true if the kernel took it.
  bool send(uint32_t number, uint32_t size, bool rights);
  // Reads up to `count` frames and checks that they are those that the exchange sent, in order. True at the end.
  bool read(uint32_t count);
  // Whether the exchange has closed its end, of a connection over which it sent nothing.
  bool is_over();
  // Stops sending, and goes on reading.
  void finish();
  void close_end();
  bool closed() const { return fd < 0; }
  // Nothing more will come from it.
  bool done() const { return fd < 0 || finished; }

  int fd;
  PeerKind kind;
  bool finished = false;
  std::deque<Packet> to_exchange;
  std::deque<Packet> from_exchange;
  // What the exchange has been asked and has told of this port.
  bool paused = false;
  bool refusing = false;
  bool ended = false;
};

}  // namespace fuzz
