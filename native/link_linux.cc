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

// Room for what the kernel says of one interface: 1.9 KB of a tap in a bridge, and of a bridge (Linux 6.18).
const size_t kAnswerBytesMax = 16384;

// Lets only messages about the interfaces of these numbers through, 0 being none's; a filter reads big-endian.
int others_ignore(int fd, unsigned int index, unsigned int master) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct nlmsghdr) + offsetof(struct ifinfomsg, ifi_index)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(master), 1, 0),
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

// The number of a tap's interface.
int index_of(int tap, unsigned int* index) {
  struct ifreq request;
  memset(&request, 0, sizeof(request));
  if (ioctl(tap, TUNGETIFF, &request) < 0) return errno == EINVAL ? -ENOTTY : -errno;
  request.ifr_name[IFNAMSIZ - 1] = '\0';
  *index = if_nametoindex(request.ifr_name);
  return *index == 0 ? -errno : 0;
}

struct Interface {
  unsigned int master;  // 0: a member of nothing
  uint8_t mac[6];       // 0 if it has another kind of address
};

void attributes_read(struct nlmsghdr* message, Interface* out) {
  struct ifinfomsg* info = static_cast<struct ifinfomsg*>(NLMSG_DATA(message));
  int left = static_cast<int>(IFLA_PAYLOAD(message));
  for (struct rtattr* each = IFLA_RTA(info); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    const size_t size = RTA_PAYLOAD(each);
    if (each->rta_type == IFLA_MASTER && size == sizeof(out->master)) {
      memcpy(&out->master, RTA_DATA(each), sizeof(out->master));
    } else if (each->rta_type == IFLA_ADDRESS && size == sizeof(out->mac)) {
      memcpy(out->mac, RTA_DATA(each), sizeof(out->mac));
    }
  }
}

// Asks for an interface by its number, as it is now. By netlink, because no ioctl(2) tells a member's master.
int interface_ask(unsigned int index, Interface* out) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg message;
  } request;
  memset(&request, 0, sizeof(request));
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.message.ifi_index = static_cast<int>(index);
  memset(out, 0, sizeof(*out));
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  alignas(struct nlmsghdr) char answer[kAnswerBytesMax];
  ssize_t size = send(fd, &request, sizeof(request), 0);
  if (size >= 0) size = recv(fd, answer, sizeof(answer), MSG_TRUNC);
  const int error = size < 0 ? -errno : 0;
  close(fd);
  if (error < 0) return error;
  struct nlmsghdr* header = reinterpret_cast<struct nlmsghdr*>(answer);
  if (size > static_cast<ssize_t>(sizeof(answer)) || !NLMSG_OK(header, static_cast<unsigned int>(size))) return -EPROTO;
  if (header->nlmsg_type == NLMSG_ERROR) return static_cast<const struct nlmsgerr*>(NLMSG_DATA(header))->error;
  if (header->nlmsg_type != RTM_NEWLINK) return -EPROTO;
  attributes_read(header, out);
  return 0;
}

}  // namespace

int link_subscribe(int tap) {
  unsigned int index = 0;
  int error = index_of(tap, &index);
  if (error < 0) return error;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  error = others_ignore(fd, index, 0);
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

// Hears of the master first and asks for its address then, so that no change falls in between.
int link_bridge(int fd, int tap, uint8_t mac[6]) {
  unsigned int index = 0;
  Interface member;
  int error = index_of(tap, &index);
  if (error == 0) error = interface_ask(index, &member);
  if (error == 0) error = others_ignore(fd, index, member.master);
  if (error < 0 || member.master == 0) return error;
  Interface master;
  error = interface_ask(member.master, &master);
  // Gone since: of that the member is told, too.
  if (error == -ENODEV) return 0;
  if (error < 0) return error;
  memcpy(mac, master.mac, sizeof(master.mac));
  return 1;
}

}  // namespace vknetd
