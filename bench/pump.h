// What the pumps share: a listening socket, ports in the order in which they came, an optional tap.
//
//   pump1|pump1T|pumpN [-f] [-k] [-t TAP] PATH
//
// A pump decides nothing. Ports are joined in pairs, 0 with 1, 2 with 3; with -f every frame goes to all
// others. With -t the tap is port 0. Prints "ready" once it listens. Serves one run: a port that
// has gone leaves its number unused. With -k sockets keep the buffers that the kernel gives them.
#pragma once

enum { PUMP_PORTS_MAX = 4096, PUMP_FRAME_BYTES = 1600, PUMP_BATCH = 64 };

struct pump {
  int listener;
  int flood;
  int kernels_room;
  int tap;    // or -1
  int count;  // ports so far, the tap among them
  int fds[PUMP_PORTS_MAX];
};

// Reads the arguments, binds, listens, opens the tap. `blocking`: connections and tap block.
void pump_open(struct pump* pump, int argc, char** argv, int blocking);

// Accepts one connection; its port, or -1 when none waits.
int pump_accept(struct pump* pump, int blocking);

// One frame, one system call. As read(2) and write(2); never raises SIGPIPE.
long pump_receive(const struct pump* pump, int port, void* frame);
long pump_send(const struct pump* pump, int port, const void* frame, unsigned long bytes);

void pump_die(const char* what);
