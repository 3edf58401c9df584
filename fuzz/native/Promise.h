// What a run must find to be so. Whatever ends a run, the input that led there is printed.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fuzz {

// Prints what was broken and ends the process.
[[noreturn]] void broken(const char* file, int line, const char* what);

#define PROMISE(holds, what) \
  do { \
    if (!(holds)) ::fuzz::broken(__FILE__, __LINE__, what); \
  } while (false)

// Runs one input; it is printed as hex should anything end the process, the sanitizers included.
void run_input(const uint8_t* data, size_t size);

// Prints and ends a run that takes too long. To be called once.
void watch_runs();

}  // namespace fuzz
