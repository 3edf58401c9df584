#include "Files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>

#include "../../native/kernel.h"
#include "../../native/service.h"
#include "Promise.h"
#include "Stage.h"

namespace fuzz {

namespace {

std::string text_of(Octets& octets, uint32_t size) {
  std::string text;
  for (uint32_t i = 0; i < size && !octets.empty(); i++) text += static_cast<char>(octets.next());
  return text;
}

// A pid file that another has locked, with anything in it.
void try_pid_file(Octets& octets) {
  const std::string path = std::string(stage().directory) + "/pid";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  PROMISE(fd >= 0, "a file");
  const std::string text = text_of(octets, octets.below(48));
  PROMISE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "a file's text");
  int32_t holder = -1;
  if (octets.one_in(2)) {
    PROMISE(flock(fd, LOCK_EX | LOCK_NB) == 0, "a lock");
    PROMISE(vknetd::pidfile_hold(path.c_str(), 1, &holder) == -EWOULDBLOCK, "a locked file is not taken");
    PROMISE(holder >= 0, "who holds it is a pid or nobody");
    PROMISE(vknetd::pidfile_probe(path.c_str(), &holder) == -EWOULDBLOCK && holder >= 0, "nor probed free");
  } else {
    const int held = vknetd::pidfile_hold(path.c_str(), INT32_MAX, &holder);
    PROMISE(held >= 0, "a free file is taken");
    PROMISE(vknetd::pidfile_probe(path.c_str(), &holder) == -EWOULDBLOCK, "it is held then");
    PROMISE(holder == INT32_MAX, "and says by whom");
    close(held);
    PROMISE(vknetd::socket_probe(path.c_str()) == -ENOTSOCK, "a file is no socket");
  }
  close(fd);
  unlink(path.c_str());
}

// Paths of any length: at the edges of what an address holds.
void try_path(Octets& octets) {
  const uint32_t sizes[] = {0, 1, 106, 107, 108, 109, 255, 4095, 4096, 5000};
  const std::string path = stage().directory + ("/" + std::string(sizes[octets.below(10)], 'x'));
  uint64_t device = 0;
  uint64_t inode = 0;
  int32_t holder = 0;
  if (octets.one_in(2)) {
    const int fd = vknetd::socket_listen(path.c_str(), -1, 0600, 1, &device, &inode);
    PROMISE(fd < 0 || vknetd::socket_unlink(path.c_str(), device, inode) == 0, "a node is removed");
    if (fd >= 0) close(fd);
  } else {
    PROMISE(vknetd::socket_connect(path.c_str()) < 0, "nobody is there");
    PROMISE(vknetd::pidfile_probe(path.c_str(), &holder) <= 0, "a path of any length is probed");
    PROMISE(vknetd::socket_probe(path.c_str()) <= 0, "a path of any length is probed");
  }
}

// A name that may be one of Linux's outside the file system, and a datagram to it that nobody awaits.
void try_datagram(Octets& octets) {
  const uint32_t sizes[] = {0, 1, 2, 107, 108, 200};
  const std::string prefix = octets.one_in(2) ? "@" : "/";
  const std::string path = prefix + std::string(sizes[octets.below(6)], 'y');
  const std::string text = text_of(octets, octets.below(64));
  PROMISE(vknetd::datagram_send(path.c_str(), text.data(), text.size(), 0, -1) < 0, "nobody gets a datagram");
  vknetd::InheritedListener inherited;
  PROMISE(vknetd::listener_inherit(stage().listener, &inherited) == 0, "a listener is taken over");
  PROMISE(strcmp(inherited.path, stage().path) == 0 && inherited.mode == 0660, "with its path and mode");
  PROMISE(vknetd::listener_inherit(stage().wake[0], &inherited) < 0, "what is no socket is not");
}

void try_names(Octets& octets) {
  const std::string name = text_of(octets, octets.below(64));
  const int64_t gid = vknetd::group_gid(name.c_str());
  PROMISE(gid >= 0 || gid == -ENOENT, "a group has a number or is none");
  uint32_t user = 0;
  uint32_t group = 0;
  const int found = vknetd::user_ids(name.c_str(), &user, &group);
  PROMISE(found == 0 || found == -ENOENT, "a user has numbers or is none");
}

}  // namespace

void try_files(Octets& octets) {
  switch (octets.below(5)) {
    case 0:
      return try_pid_file(octets);
    case 1:
      return try_path(octets);
    case 2:
      return try_names(octets);
    case 3:
      return try_datagram(octets);
    default: {
      const char* name = vknetd::errno_name(static_cast<int>(octets.next()) - 64);
      PROMISE(name != nullptr && strlen(name) > 1, "every number has a name");
      return;
    }
  }
}

}  // namespace fuzz
