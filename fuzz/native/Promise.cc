#include "Promise.h"

#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ExchangeRun.h"
#include "Segments.h"
#include "Vigils.h"

namespace fuzz {

namespace {

const unsigned int kSecondsMax = 20;

const uint8_t* current = nullptr;
size_t current_size = 0;
bool watched = false;

// From a signal handler and from a dying sanitizer alike, so nothing but write(2).
void print_input() {
  static const char kDigits[] = "0123456789abcdef";
  if (current == nullptr) return;
  const char begin[] = "\nINPUT ";
  (void)!write(STDERR_FILENO, begin, sizeof(begin) - 1);
  for (size_t i = 0; i < current_size; i++) {
    const char pair[2] = {kDigits[current[i] >> 4], kDigits[current[i] & 15]};
    (void)!write(STDERR_FILENO, pair, 2);
  }
  (void)!write(STDERR_FILENO, "\n", 1);
}

void took_too_long(int) {
  const char text[] = "\nBROKEN no end of a run\n";
  (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
  print_input();
  _exit(1);
}

}  // namespace

void broken(const char* file, int line, const char* what) {
  const char* name = strrchr(file, '/');
  fprintf(stderr, "\nBROKEN %s (%s:%d)\n", what, name == nullptr ? file : name + 1, line);
  fflush(stderr);
  print_input();
  // Under libFuzzer its own handler keeps the input.
  abort();
}

void run_input(const uint8_t* data, size_t size) {
  current = data;
  current_size = size;
  // libFuzzer has a watch of its own, on the same timer.
  if (watched) alarm(kSecondsMax);
  ExchangeRun(data, size).run();
  try_segments(data, size);
  try_vigil(data, size);
  if (watched) alarm(0);
  current = nullptr;
}

void watch_runs() {
  watched = true;
  signal(SIGALRM, took_too_long);
  __sanitizer_set_death_callback(print_input);
}

}  // namespace fuzz
