// Workloads in which sender and receiver are threads of their own, as guests are processes.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "load.h"

enum { QUIET_MS = 200, SAMPLES_MAX = 4 << 20 };

// One guest sends to another until told to stop; the other receives until it is quiet.
struct stream {
  struct guest* sender;
  struct guest* receiver;
  size_t bytes;
  double rate;  // frames a second; 0: as fast as the socket takes
  atomic_bool stop;
  _Atomic uint64_t received;
  pthread_t threads[2];
};

static void pause_ns(int64_t nanoseconds) {
  const struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  nanosleep(&time, NULL);
}

static void* stream_send(void* of) {
  struct stream* stream = of;
  const int64_t start_ns = clock_ns();
  uint64_t number = 0;
  while (!atomic_load_explicit(&stream->stop, memory_order_relaxed)) {
    if (stream->rate > 0) {
      const uint64_t due = (uint64_t)((double)(clock_ns() - start_ns) * stream->rate / 1e9);
      if (number >= due) {
        pause_ns(50000);
        continue;
      }
    }
    if (guest_send(stream->sender, stream->bytes, true)) number++;
  }
  return NULL;
}

static void* stream_receive(void* of) {
  struct stream* stream = of;
  for (;;) {
    if (guest_receive(stream->receiver, true)) {
      atomic_store_explicit(&stream->received, stream->receiver->received, memory_order_relaxed);
    } else if (atomic_load_explicit(&stream->stop, memory_order_relaxed)) {
      return NULL;
    }
  }
}

static void stream_start(struct stream* stream) {
  guest_address(stream->sender, stream->receiver, stream->bytes);
  guest_patience(stream->sender, QUIET_MS);
  guest_patience(stream->receiver, QUIET_MS);
  if (pthread_create(&stream->threads[0], NULL, stream_receive, stream) != 0 ||
      pthread_create(&stream->threads[1], NULL, stream_send, stream) != 0) {
    fail("thread");
  }
}

static void stream_stop(struct stream* stream) {
  atomic_store(&stream->stop, true);
  for (int i = 0; i < 2; i++) pthread_join(stream->threads[i], NULL);
}

static void attach(struct guest* guests, int count, const struct load_request* request) {
  for (int i = 0; i < count; i++) guest_attach(&guests[i], request->how, request->path, i);
  guests_announce(guests, count);
}

static void run_stream(const struct load_request* request, double rate, struct load_result* result) {
  struct guest* guests = calloc(2, sizeof *guests);
  if (guests == NULL) fail("memory");
  attach(guests, 2, request);
  struct stream stream = {.sender = &guests[0], .receiver = &guests[1], .bytes = request->bytes, .rate = rate};
  stream_start(&stream);
  pause_ns((int64_t)(request->warm_seconds * 1e9));
  const uint64_t before = atomic_load(&stream.received);
  const struct moment from = moment_now(request);
  pause_ns((int64_t)(request->seconds * 1e9));
  result->delivered = atomic_load(&stream.received) - before;
  const struct moment to = moment_now(request);
  moments_between(result, &from, &to);
  stream_stop(&stream);
  // Loss is that of the whole run, warming up included: what was sent and has not come once all is quiet.
  result->sent = guests[0].sent;
  result->lost = guests[0].sent - guests[1].received;
  result->late = guests[1].late;
  for (int i = 0; i < 2; i++) guest_detach(&guests[i]);
  free(guests);
}

void run_flood(const struct load_request* request, struct load_result* result) { run_stream(request, 0, result); }

void run_paced(const struct load_request* request, struct load_result* result) {
  if (request->rate <= 0) {
    errno = EINVAL;
    fail("a rate");
  }
  run_stream(request, request->rate, result);
}

// ---- Round trips ----

static int compare(const void* a, const void* b) {
  const uint32_t left = *(const uint32_t*)a;
  const uint32_t right = *(const uint32_t*)b;
  return (left > right) - (left < right);
}

static size_t bounce_until(struct guest* guests, size_t bytes, int64_t end_ns, uint32_t* samples) {
  size_t count = 0;
  for (int64_t from_ns = clock_ns(); from_ns < end_ns && count < SAMPLES_MAX;) {
    guest_send(&guests[0], bytes, true);
    if (guest_receive(&guests[1], true)) {
      guest_send(&guests[1], bytes, true);
      guest_receive(&guests[0], true);
    }
    const int64_t now_ns = clock_ns();
    samples[count++] = (uint32_t)(now_ns - from_ns);
    from_ns = now_ns;
  }
  return count;
}

void run_ping_pong(const struct load_request* request, struct load_result* result) {
  const bool beside = request->beside_rate > 0;
  const int count = beside ? 4 : 2;
  struct guest* guests = calloc(4, sizeof *guests);
  uint32_t* samples = malloc(SAMPLES_MAX * sizeof *samples);
  if (guests == NULL || samples == NULL) fail("memory");
  attach(guests, count, request);
  for (int i = 0; i < 2; i++) {
    guest_address(&guests[i], &guests[1 - i], request->bytes);
    guest_patience(&guests[i], QUIET_MS);
  }
  struct stream stream = {
      .sender = &guests[2], .receiver = &guests[3], .bytes = request->bytes, .rate = request->beside_rate};
  if (beside) stream_start(&stream);
  bounce_until(guests, request->bytes, clock_ns() + (int64_t)(request->warm_seconds * 1e9), samples);
  const struct moment from = moment_now(request);
  const size_t trips = bounce_until(guests, request->bytes, from.at_ns + (int64_t)(request->seconds * 1e9), samples);
  const struct moment to = moment_now(request);
  moments_between(result, &from, &to);
  if (beside) stream_stop(&stream);
  qsort(samples, trips, sizeof *samples, compare);
  const double quantiles[3] = {0.5, 0.99, 0.999};
  for (int i = 0; i < 3; i++) {
    const size_t at = (size_t)((double)trips * quantiles[i]);
    result->quantile_us[i] = trips == 0 ? 0 : samples[at < trips ? at : trips - 1] / 1e3;
  }
  result->sent = result->delivered = trips;
  result->lost = guests[0].missing + guests[1].missing;
  for (int i = 0; i < count; i++) guest_detach(&guests[i]);
  free(samples);
  free(guests);
}
