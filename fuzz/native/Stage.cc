#include "Stage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../native/kernel.h"
#include "Promise.h"

namespace fuzz {

namespace {

const int kBacklog = 16;

Stage* made = nullptr;

void remove_stage() {
  unlink(made->path);
  rmdir(made->directory);
  delete made;
}

}  // namespace

const Stage& stage() {
  if (made != nullptr) return *made;
  made = new Stage();
  snprintf(made->directory, sizeof(made->directory), "/tmp/vknetd-fuzz-XXXXXX");
  PROMISE(mkdtemp(made->directory) != nullptr, "no directory");
  snprintf(made->path, sizeof(made->path), "%s/vknet", made->directory);
  uint64_t device = 0;
  uint64_t inode = 0;
  made->listener = vknetd::socket_listen(made->path, -1, 0660, kBacklog, &device, &inode);
  PROMISE(made->listener >= 0, "no listener");
  PROMISE(vknetd::wake_open(made->wake) == 0, "nothing to wake with");
  atexit(remove_stage);
  return *made;
}

int descriptor_count() {
  DIR* directory = opendir("/proc/self/fd");
  PROMISE(directory != nullptr, "no /proc/self/fd");
  int count = 0;
  while (readdir(directory) != nullptr) count++;
  closedir(directory);
  return count;
}

}  // namespace fuzz
