// The limit: one thread, epoll, up to 64 frames a call, nothing decided. Drops what a port does not take.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pump.h"

static struct pump pump;
static unsigned char frames[PUMP_BATCH][PUMP_FRAME_BYTES];
static struct mmsghdr messages[PUMP_BATCH];
static struct iovec vectors[PUMP_BATCH];

static void watch(int poller, int fd, int tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)tag};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) pump_die("epoll");
}

static void send_to(int port, int count) {
  for (int sent = 0; sent < count;) {
    const int taken = sendmmsg(pump.fds[port], messages + sent, (unsigned)(count - sent), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken < 0 && errno != EINTR) return;
    if (taken > 0) sent += taken;
  }
}

static void serve(int from) {
  for (int i = 0; i < PUMP_BATCH; i++) vectors[i].iov_len = PUMP_FRAME_BYTES;
  const int count = recvmmsg(pump.fds[from], messages, PUMP_BATCH, MSG_DONTWAIT, NULL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0 || messages[count - 1].msg_len == 0) {
    close(pump.fds[from]);
    pump.fds[from] = -1;
    return;
  }
  for (int i = 0; i < count; i++) vectors[i].iov_len = messages[i].msg_len;
  if (!pump.flood) {
    if ((from ^ 1) < pump.count && pump.fds[from ^ 1] >= 0) send_to(from ^ 1, count);
    return;
  }
  for (int to = 0; to < pump.count; to++) {
    if (to != from && pump.fds[to] >= 0) send_to(to, count);
  }
}

int main(int argc, char** argv) {
  pump_open(&pump, argc, argv, 0);
  for (int i = 0; i < PUMP_BATCH; i++) {
    vectors[i].iov_base = frames[i];
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) pump_die("epoll");
  watch(poller, pump.listener, PUMP_PORTS_MAX);
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
