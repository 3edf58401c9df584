// Cutting and joining against a slow account of what Linux' own segmentation does, octet for octet.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fuzz {

void try_segments(const uint8_t* data, size_t size);

}  // namespace fuzz
