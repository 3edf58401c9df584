// What a plain daemon costs: one thread, epoll, one read and one write per frame. Drops what a port does not take.
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "pump.h"

static struct pump pump;
static unsigned char frame[PUMP_FRAME_BYTES];

static void watch(int poller, int fd, int tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)tag};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) pump_die("epoll");
}

static void forward(int from, unsigned long bytes) {
  if (!pump.flood) {
    if ((from ^ 1) < pump.count && pump.fds[from ^ 1] >= 0) pump_send(&pump, from ^ 1, frame, bytes);
    return;
  }
  for (int to = 0; to < pump.count; to++) {
    if (to != from && pump.fds[to] >= 0) pump_send(&pump, to, frame, bytes);
  }
}

// A batch of frames at most, so that others have their turn.
static void serve(int port) {
  for (int i = 0; i < PUMP_BATCH; i++) {
    const long bytes = pump_receive(&pump, port, frame);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (bytes <= 0) {
      close(pump.fds[port]);
      pump.fds[port] = -1;
      return;
    }
    forward(port, (unsigned long)bytes);
  }
}

int main(int argc, char** argv) {
  pump_open(&pump, argc, argv, 0);
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) pump_die("epoll");
  watch(poller, pump.listener, PUMP_PORTS_MAX);
  if (pump.tap >= 0) watch(poller, pump.tap, 0);
  for (;;) {
    struct epoll_event events[PUMP_BATCH];
    const int count = epoll_wait(poller, events, PUMP_BATCH, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u32 != PUMP_PORTS_MAX) {
        serve((int)events[i].data.u32);
        continue;
      }
      for (int port; (port = pump_accept(&pump, 0)) >= 0;) watch(poller, pump.fds[port], port);
    }
  }
}
