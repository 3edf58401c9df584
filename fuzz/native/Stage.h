// What all runs of a process share: a socket that is listened on, and something to wake with.
#pragma once

namespace fuzz {

struct Stage {
  char directory[64];
  char path[96];
  int listener;
  int wake[2];
};

// Made when it is first asked for; the directory is removed when the process ends as it should.
const Stage& stage();

// Descriptors that the process has open.
int descriptor_count();

}  // namespace fuzz
