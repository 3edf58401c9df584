// Runs inputs drawn from a seed, or those of a file:
//   seeded SEED EXECUTIONS SECONDS
//   seeded --replay FILE
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vector>

#include "Promise.h"
#include "Stage.h"

namespace {

const uint32_t kInputMax = 400;
const size_t kLineMax = 1 << 16;

// SplitMix64: enough chance for a fuzzer, and the same on every machine.
uint64_t draw(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double seconds_now() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::vector<uint8_t> input_of(uint64_t seed, uint64_t execution) {
  uint64_t state = seed * 0x100000001b3u + execution;
  std::vector<uint8_t> input(draw(&state) % kInputMax);
  for (uint8_t& octet : input) octet = static_cast<uint8_t>(draw(&state));
  return input;
}

std::vector<uint8_t> from_hex(const char* hex) {
  std::vector<uint8_t> input;
  for (size_t i = 0; isxdigit(hex[i]) && isxdigit(hex[i + 1]); i += 2) {
    const char pair[3] = {hex[i], hex[i + 1], '\0'};
    input.push_back(static_cast<uint8_t>(strtoul(pair, nullptr, 16)));
  }
  return input;
}

// Runs the inputs of a file: hex, one a line; lines that begin with # are not read.
int replay(const char* path) {
  FILE* file = fopen(path, "r");
  if (file == nullptr) {
    perror(path);
    return 2;
  }
  static char line[kLineMax];
  int count = 0;
  while (fgets(line, sizeof(line), file) != nullptr) {
    if (line[0] == '#' || line[0] == '\n') continue;
    const std::vector<uint8_t> input = from_hex(line);
    fuzz::run_input(input.data(), input.size());
    count++;
  }
  fclose(file);
  printf("native: %d inputs replayed\n", count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  fuzz::watch_runs();
  fuzz::stage();
  if (argc == 3 && strcmp(argv[1], "--replay") == 0) return replay(argv[2]);
  if (argc != 4) {
    fprintf(stderr, "usage: seeded SEED EXECUTIONS SECONDS | --replay FILE\n");
    return 2;
  }
  const uint64_t seed = strtoull(argv[1], nullptr, 10);
  const uint64_t executions = strtoull(argv[2], nullptr, 10);
  const double began = seconds_now();
  const double over = began + strtod(argv[3], nullptr);
  uint64_t done = 0;
  for (; done < executions && seconds_now() < over; done++) {
    const std::vector<uint8_t> input = input_of(seed, done);
    fuzz::run_input(input.data(), input.size());
  }
  const double took = seconds_now() - began;
  printf("native: %llu executions in %.1f s, %.0f/s\n", static_cast<unsigned long long>(done), took,
         static_cast<double>(done) / (took > 0 ? took : 1));
  return 0;
}
