// What is not on the way of a frame: pid files, paths, names of groups and errors.
#pragma once

#include "Octets.h"

namespace fuzz {

// Asks one of the functions of posix.cc and errno.cc something odd.
void try_files(Octets& octets);

}  // namespace fuzz
