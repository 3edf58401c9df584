// When the thread stays awake, against a slow account of what it has lately got by it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fuzz {

void try_vigil(const uint8_t* data, size_t size);

}  // namespace fuzz
