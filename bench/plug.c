// A guest's network card: moves frames between a tap of this namespace and a switch, one system call per frame.
//
//   plug TAP seqpacket|vde PATH
//
// Prints "ready" once it is connected. Two threads, as a guest sends and receives at once.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "guest.h"

struct direction {
  int from;
  int to;
};

static void* carry(void* of) {
  const struct direction* direction = of;
  uint8_t frame[FRAME_BYTES_MAX];
  for (;;) {
    const ssize_t size = read(direction->from, frame, sizeof frame);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) exit(1);
    // A full socket lets the guest wait; a tap whose interface is down takes nothing.
    if (write(direction->to, frame, (size_t)size) < 0 && errno != EIO && errno != ENOBUFS) exit(1);
  }
}

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  if (argc != 4) return 2;
  const int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (tap < 0) fail("/dev/net/tun");
  struct ifreq request = {0};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", argv[1]);
  if (ioctl(tap, TUNSETIFF, &request) < 0) fail(argv[1]);
  static struct guest guest;
  guest_attach(&guest, strcmp(argv[2], "vde") == 0 ? ATTACH_VDE : ATTACH_SEQPACKET, argv[3], 0);
  printf("ready\n");
  fflush(stdout);
  struct direction out = {tap, guest.fd};
  struct direction in = {guest.fd, tap};
  pthread_t thread;
  if (pthread_create(&thread, NULL, carry, &out) != 0) fail("thread");
  carry(&in);
}
