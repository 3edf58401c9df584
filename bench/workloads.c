// Workloads in which one thread is all guests: nothing but the switch runs beside it.
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

enum { READY_MAX = 64, STALL_MS = 200 };

static struct guest* guests_attach(const struct load_request* request, int count) {
  struct guest* guests = calloc((size_t)count, sizeof *guests);
  if (guests == NULL) fail("memory");
  for (int i = 0; i < count; i++) guest_attach(&guests[i], request->how, request->path, i);
  guests_announce(guests, count);
  return guests;
}

static void guests_detach(struct guest* guests, int count) {
  for (int i = 0; i < count; i++) guest_detach(&guests[i]);
  free(guests);
}

static int poller_of(const struct guest* guests, int from, int count, int step) {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) fail("epoll");
  for (int i = from; i < count; i += step) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, guests[i].fd, &event) < 0) fail("epoll");
  }
  return poller;
}

// Frames counted over all guests at one moment.
struct tally {
  struct moment when;
  uint64_t sent;
  uint64_t received;
  uint64_t missing;
  uint64_t late;
};

static struct tally tally_of(const struct load_request* request, const struct guest* guests, int count) {
  struct tally tally = {.when = moment_now(request)};
  for (int i = 0; i < count; i++) {
    tally.sent += guests[i].sent;
    tally.received += guests[i].received;
    tally.missing += guests[i].missing;
    tally.late += guests[i].late;
  }
  return tally;
}

static void conclude(struct load_result* result, const struct tally* from, const struct tally* to) {
  moments_between(result, &from->when, &to->when);
  result->sent = to->sent - from->sent;
  result->delivered = to->received - from->received;
  result->lost = to->missing - from->missing;
  result->late = to->late - from->late;
}

// ---- Pairs of guests ----

// Sends until `window` frames are on their way to the other.
static void fill(struct guest* sender, const struct guest* receiver, const struct load_request* request) {
  while (sender->sent - receiver->expected < (uint64_t)request->window) {
    if (!guest_send(sender, request->bytes, false)) return;
  }
}

// Receives what is on its way, up to a window.
static void take(struct guest* receiver, const struct guest* sender) {
  while (receiver->expected < sender->sent && guest_receive(receiver, false)) {}
}

// What has not come by now does not come: the window is opened again.
static void forgive(struct guest* guests, int count) {
  for (int i = 0; i + 1 < count; i += 2) {
    guests[i + 1].missing += guests[i].sent - guests[i + 1].expected;
    guests[i + 1].expected = guests[i].sent;
  }
}

static void closed_until(const struct load_request* request, struct guest* guests, int poller, int64_t end_ns) {
  struct epoll_event ready[READY_MAX];
  for (int i = 0; i + 1 < request->ports; i += 2) fill(&guests[i], &guests[i + 1], request);
  while (clock_ns() < end_ns) {
    const int count = epoll_wait(poller, ready, READY_MAX, STALL_MS);
    if (count == 0) {
      forgive(guests, request->ports);
      for (int i = 0; i + 1 < request->ports; i += 2) fill(&guests[i], &guests[i + 1], request);
    }
    for (int i = 0; i < count; i++) {
      struct guest* receiver = &guests[ready[i].data.u32];
      take(receiver, receiver - 1);
      fill(receiver - 1, receiver, request);
    }
  }
}

void run_closed(const struct load_request* request, struct load_result* result) {
  const int count = request->ports;
  struct guest* guests = guests_attach(request, count);
  for (int i = 0; i + 1 < count; i += 2) guest_address(&guests[i], &guests[i + 1], request->bytes);
  const int poller = poller_of(guests, 1, count, 2);
  closed_until(request, guests, poller, clock_ns() + (int64_t)(request->warm_seconds * 1e9));
  const struct tally from = tally_of(request, guests, count);
  closed_until(request, guests, poller, clock_ns() + (int64_t)(request->seconds * 1e9));
  const struct tally to = tally_of(request, guests, count);
  conclude(result, &from, &to);
  close(poller);
  guests_detach(guests, count);
}

// ---- One to many ----

static uint64_t slowest(const struct guest* guests, int receivers) {
  uint64_t least = guests[1].expected;
  for (int i = 2; i <= receivers; i++) {
    if (guests[i].expected < least) least = guests[i].expected;
  }
  return least;
}

static void fan_out_until(const struct load_request* request, struct guest* guests, int poller, int64_t end_ns) {
  struct epoll_event ready[READY_MAX];
  struct guest* sender = &guests[0];
  while (clock_ns() < end_ns) {
    const uint64_t least = slowest(guests, request->ports);
    while (sender->sent - least < (uint64_t)request->window) {
      if (!guest_send(sender, request->bytes, false)) break;
    }
    const int count = epoll_wait(poller, ready, READY_MAX, STALL_MS);
    for (int i = 0; i < count; i++) take(&guests[ready[i].data.u32], sender);
    for (int i = 1; count == 0 && i <= request->ports; i++) {
      guests[i].missing += sender->sent - guests[i].expected;
      guests[i].expected = sender->sent;
    }
  }
}

void run_fan_out(const struct load_request* request, struct load_result* result) {
  const int count = request->ports + 1;
  struct guest* guests = guests_attach(request, count);
  guest_address(&guests[0], NULL, request->bytes);
  const int poller = poller_of(guests, 1, count, 1);
  fan_out_until(request, guests, poller, clock_ns() + (int64_t)(request->warm_seconds * 1e9));
  const struct tally from = tally_of(request, guests, count);
  fan_out_until(request, guests, poller, clock_ns() + (int64_t)(request->seconds * 1e9));
  const struct tally to = tally_of(request, guests, count);
  conclude(result, &from, &to);
  close(poller);
  guests_detach(guests, count);
}

// ---- Start, and staying ----

void run_first(const struct load_request* request, struct load_result* result) {
  struct guest guests[2];
  guest_attach(&guests[0], request->how, request->path, 0);
  result->accepts_ms = (double)(clock_ns() - request->since_ns) / 1e6;
  guest_attach(&guests[1], request->how, request->path, 1);
  for (int i = 0; i < 2; i++) guest_address(&guests[i], &guests[1 - i], request->bytes);
  guest_patience(&guests[1], 5000);
  guest_send(&guests[0], request->bytes, true);
  if (!guest_receive(&guests[1], true)) fail("the first frame");
  result->first_ms = (double)(clock_ns() - request->since_ns) / 1e6;
  result->delivered = 1;
  for (int i = 0; i < 2; i++) guest_detach(&guests[i]);
}

void run_churn(const struct load_request* request, struct load_result* result) {
  const int64_t start_ns = clock_ns();
  while (clock_ns() - start_ns < (int64_t)(request->seconds * 1e9)) {
    if ((double)result->sent >= (double)(clock_ns() - start_ns) * request->rate / 1e9) {
      usleep(200);
      continue;
    }
    struct guest guest;
    // A number of its own, so that nothing of it could be taken for another guest's.
    guest_attach(&guest, request->how, request->path, 4000);
    guest_detach(&guest);
    result->sent++;
  }
  result->seconds = (double)(clock_ns() - start_ns) / 1e9;
}

void run_attached(const struct load_request* request, struct load_result* result) {
  struct guest* guests = guests_attach(request, request->ports);
  // Says that they are there: a line of its own before the result.
  if (write(1, "attached\n", 9) != 9) fail("standard output");
  char octet;
  while (read(0, &octet, 1) > 0) {}
  result->delivered = (uint64_t)request->ports;
  guests_detach(guests, request->ports);
}
