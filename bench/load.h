// A run of the load generator: what was asked, and what came of it.
#pragma once

#include "guest.h"

struct load_request {
  const char* workload;
  enum attachment how;
  const char* path;
  size_t bytes;
  int window;
  int ports;
  double seconds;       // measured
  double warm_seconds;  // before that
  double rate;          // frames a second for `paced`, connections for `churn`
  double beside_rate;   // frames a second between two other guests during `pingpong`
  int pid;              // the switch, or 0
  int64_t since_ns;     // `first`: CLOCK_MONOTONIC when the switch was started
};

struct load_result {
  double seconds;
  uint64_t sent;
  uint64_t delivered;
  uint64_t lost;
  uint64_t late;
  int64_t cpu_ns;      // of the switch, in the measured time
  double strangers;    // share of all processors that neither the switch nor the guests used
  double quantile_us[3];  // p50, p99, p99.9 of round trips
  double accepts_ms;   // `first`: until a connect succeeded
  double first_ms;     // `first`: until a frame was forwarded
};

int64_t clock_ns(void);

// A moment: when it is, and what had run until then.
struct moment {
  int64_t at_ns;
  int64_t switch_ns;  // run time of all the switch's threads, user and system
  int64_t own_ns;     // of this process
  int64_t busy_ns;    // of all processors, whoever they ran for
};

struct moment moment_now(const struct load_request* request);

// Notes the time from one moment to another in the result, and whose it was.
void moments_between(struct load_result* result, const struct moment* from, const struct moment* to);

void run_closed(const struct load_request* request, struct load_result* result);
void run_fan_out(const struct load_request* request, struct load_result* result);
void run_flood(const struct load_request* request, struct load_result* result);
void run_paced(const struct load_request* request, struct load_result* result);
void run_ping_pong(const struct load_request* request, struct load_result* result);
void run_first(const struct load_request* request, struct load_result* result);
void run_churn(const struct load_request* request, struct load_result* result);
void run_attached(const struct load_request* request, struct load_result* result);
