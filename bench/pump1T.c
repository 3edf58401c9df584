// The older plain daemon: a thread per port, blocked in read, one read and one write per frame. Waits for a full port.
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "pump.h"

static struct pump pump;

static void* serve(void* of) {
  const int from = (int)(intptr_t)of;
  unsigned char frame[PUMP_FRAME_BYTES];
  for (;;) {
    const long bytes = pump_receive(&pump, from, frame);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return 0;
    if (!pump.flood) {
      if ((from ^ 1) < pump.count) pump_send(&pump, from ^ 1, frame, (unsigned long)bytes);
      continue;
    }
    for (int to = 0; to < pump.count; to++) {
      if (to != from) pump_send(&pump, to, frame, (unsigned long)bytes);
    }
  }
}

static void start(int port) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  if (pthread_create(&thread, &attributes, serve, (void*)(intptr_t)port) != 0) pump_die("thread");
  pthread_attr_destroy(&attributes);
}

int main(int argc, char** argv) {
  pump_open(&pump, argc, argv, 1);
  if (pump.tap >= 0) start(0);
  for (;;) {
    const int port = pump_accept(&pump, 1);
    if (port >= 0) start(port);
  }
}
