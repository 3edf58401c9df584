// What happens to a tap's interface on Linux, heard over rtnetlink(7).
//
// The kernel tells of every interface. A filter in it leaves out all others before they take room or wake anybody, so
// that on a host where interfaces come and go this costs nothing. What comes is not read: that something came says to
// look, and so does that there was no room for it (ENOBUFS).

#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vknetd {

namespace {

// What more came than that is for the next time: the descriptor stays readable.
const int kMessagesMax = 64;

// Lets only messages about the interface of that number through; a filter reads big-endian.
int others_ignore(int fd, unsigned int index) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct nlmsghdr) + offsetof(struct ifinfomsg, ifi_index)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(index), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ? -errno : 0;
}

int links_join(int fd) {
  struct sockaddr_nl address;
  memset(&address, 0, sizeof(address));
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  return bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) < 0 ? -errno : 0;
}

}  // namespace

int link_subscribe(int tap) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  if (ioctl(tap, TUNGETIFF, &request) < 0) return errno == EINVAL ? -ENOTTY : -errno;
  request.ifr_name[IFNAMSIZ - 1] = '\0';
  const unsigned int index = if_nametoindex(request.ifr_name);
  if (index == 0) return -errno;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  int error = others_ignore(fd, index);
  if (error == 0) error = links_join(fd);
  if (error == 0) return fd;
  close(fd);
  return error;
}

void link_drain(int fd) {
  char first;
  for (int i = 0; i < kMessagesMax; i++) {
    if (recv(fd, &first, sizeof(first), MSG_DONTWAIT) < 0 && errno == EAGAIN) return;
  }
}

}  // namespace vknetd
