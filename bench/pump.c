#define _GNU_SOURCE
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// As much room as the switch gives its guests: 700 full-size frames.
static const int send_buffer_bytes = 1048576;

void pump_die(const char* what) {
  fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int tap_open(const char* name, int blocking) {
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | (blocking ? 0 : O_NONBLOCK));
  if (fd < 0) pump_die("/dev/net/tun");
  struct ifreq request = {0};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(fd, TUNSETIFF, &request) < 0) pump_die(name);
  return fd;
}

void pump_open(struct pump* pump, int argc, char** argv, int blocking) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  const struct rlimit files = {8192, 8192};
  setrlimit(RLIMIT_NOFILE, &files);
  *pump = (struct pump){.tap = -1};
  for (int option; (option = getopt(argc, argv, "fkt:")) != -1;) {
    if (option == 'f') pump->flood = 1;
    else if (option == 'k') pump->kernels_room = 1;
    else if (option == 't') pump->tap = tap_open(optarg, blocking);
    else exit(2);
  }
  if (optind + 1 != argc) exit(2);
  if (pump->tap >= 0) pump->fds[pump->count++] = pump->tap;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%s", argv[optind]);
  pump->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
  if (pump->listener < 0 || bind(pump->listener, (struct sockaddr*)&name, sizeof name) < 0 ||
      listen(pump->listener, 1024) < 0) {
    pump_die(name.sun_path);
  }
  if (write(1, "ready\n", 6) != 6) pump_die("standard output");
}

int pump_accept(struct pump* pump, int blocking) {
  const int fd = accept4(pump->listener, NULL, NULL, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
  if (fd < 0) {
    if (errno == EAGAIN || errno == EINTR) return -1;
    pump_die("accept");
  }
  if (pump->count == PUMP_PORTS_MAX) pump_die("ports");
  if (!pump->kernels_room &&
      setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof send_buffer_bytes) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
  }
  pump->fds[pump->count] = fd;
  return pump->count++;
}

long pump_receive(const struct pump* pump, int port, void* frame) {
  return read(pump->fds[port], frame, PUMP_FRAME_BYTES);
}

long pump_send(const struct pump* pump, int port, const void* frame, unsigned long bytes) {
  return write(pump->fds[port], frame, bytes);
}
