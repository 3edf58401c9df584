// The same for clang's libFuzzer, which draws the inputs from what they cover.
#include <stddef.h>
#include <stdint.h>

#include "Promise.h"
#include "Stage.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fuzz::stage();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::run_input(data, size);
  return 0;
}
