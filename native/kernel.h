// The seam between the portable half of the addon and one operating system.
//
// Above it: loop.cc (one crossing per batch) and addon.cc (JavaScript's view).
// Below it: posix.cc (what DragonFly and Linux spell alike) and one of
// kernel_linux.cc, kernel_dragonfly.cc (what they do not).
//
// Plain structs and functions, no C++ library and no Node headers, so that a
// system's file can be compiled against that system's own headers alone.
// Every function returns a count, a descriptor or 0, or the negated errno.
// Once frames move nothing here waits except poller_wait. Before, socket_listen and
// stream_listen wait up to 2 s for the directory's lock, and where something stands at
// the path they and socket_probe up to 80 ms on DragonFly. Nothing knows a MAC address
// or a policy. Every descriptor is close-on-exec.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vknetd {

// ---- Interfaces (interface_*.cc, link_*.cc) ----

struct TapInfo {
  char interface_name[16];  // "tap0"
  char printed_name[64];    // what vknetd(8) prints: "/dev/tap0" on DragonFly, "tap0" elsewhere
  uint8_t mac[6];           // the interface's own
  int32_t mtu;              // payload octets
};

// Opens a tap, non-blocking. `request` is "auto" (first free), "tapN" (created if
// it can be) or a device path. Returns its descriptor. With `offload` the host's kernel may leave
// checksums and the cutting of TCP segments to whoever reads, where it can; see tap_prefixed.
int tap_open(const char* request, bool offload, TapInfo* out);

// The same of a tap that is open already, whoever opened it: 0, or -ENOTTY for what is none.
int tap_info(int fd, TapInfo* out);

// A descriptor for a poller, readable when something happens to the interface of an open tap, and to no other;
// -EOPNOTSUPP where the kernel tells nobody, -ENOTTY for what is no tap. Takes no right.
int link_subscribe(int tap);

// Forgets what it told. What was lost for want of room has told as much.
void link_drain(int fd);

// The address of what the interface of an open tap is a member of, where frames for the host that arrive at a member
// are that one's: 1, or 0 if it is a member of nothing. From then on `fd`, from link_subscribe, tells of both.
int link_bridge(int fd, int tap, uint8_t mac[6]);

// Reads mac and mtu of an interface again, by name.
int interface_info(const char* interface_name, TapInfo* out);

// Assigns an IPv4 address with a mask of exactly those bits, /0 to /32; host byte order: 1 assigned, 0 it had it.
// With other bits it is replaced. If the interface is `shared`, for others give it addresses, too, it stays and is
// had, and of the addresses of one network none goes from now on because another does; where bridge_has_addresses.
int interface_assign(const char* interface_name, uint32_t address, uint32_t mask, bool shared);

// The same with an IPv6 address of 16 octets and a prefix of 1 to 128 bits, of an interface that is up.
// It is the host's at once, without duplicate address detection: while the host waited for that,
// a guest could take the address from it with one frame.
int interface_assign6(const char* interface_name, const uint8_t address[16], int bits, bool shared);

// Takes them back: 0, also when they are gone.
int interface_unassign(const char* interface_name, uint32_t address, uint32_t mask);
int interface_unassign6(const char* interface_name, const uint8_t address[16], int bits);

// Sets IFF_UP, leaving every other flag as it is.
int interface_up(const char* interface_name);

// ---- Bridges (kernel_*.cc) ----

int bridge_create(const char* bridge);                      // 1 made, 0 was there
int bridge_add(const char* bridge, const char* member);     // 1 added, 0 is a member already
int bridge_remove(const char* bridge, const char* member);  // 0, also when it is no member
int bridge_member_count(const char* bridge);
int bridge_destroy(const char* bridge);

// Whether what arrives at a member is the bridge's, so that the host is to have its addresses there: 1 or 0.
int bridge_has_addresses();

// ---- Sockets and files (posix.cc) ----

struct Peer {
  uint32_t uid;
  uint32_t gid;
  int32_t pid;  // 0 where the kernel does not tell
};

// What stands at a socket's path: 0 nothing, 1 a socket nobody listens on;
// -EADDRINUSE somebody listens; -ENOTSOCK something else; or another errno.
int socket_probe(const char* path);

// Binds and listens so that at no moment anybody outside the group can connect: the
// node is made with mode 0, given its group, listened on, and only then its mode.
// The directory is locked meanwhile, so that of two starts one sees the other's socket.
// A stale socket is replaced. gid < 0: the caller's own. Returns the descriptor,
// non-blocking; `device` and `inode` identify the node for socket_unlink.
int socket_listen(const char* path, int64_t gid, uint32_t mode, int backlog,
                  uint64_t* device, uint64_t* inode);

// The same for a socket of octets instead of packets.
int stream_listen(const char* path, int64_t gid, uint32_t mode, int backlog,
                  uint64_t* device, uint64_t* inode);

// Removes the node if it is still the one that socket_listen or stream_listen made.
int socket_unlink(const char* path, uint64_t device, uint64_t inode);

// A connected, non-blocking SOCK_SEQPACKET socket.
int socket_connect(const char* path);

// Ends a connection, whoever else holds a descriptor of it, and closes this one. What was sent before arrives.
void connection_end(int fd);

// A connected pair, non-blocking, each end with `send_buffer` octets of room.
int socket_pair(int send_buffer, int fds[2]);

// Opens and locks a pid file (created 0644), writes `pid` and keeps it open: the
// descriptor. -EWOULDBLOCK if another process has it locked; `holder` is then what it says.
int pidfile_hold(const char* path, int32_t pid, int32_t* holder);
// The same question without changing anything: 0 free, -EWOULDBLOCK held.
int pidfile_probe(const char* path, int32_t* holder);

// The gid of a group by name, or -ENOENT.
int64_t group_gid(const char* name);

// Gives a socket `send_buffer` octets of room, or as many as the kernel grants.
void socket_room(int fd, int send_buffer);

// The symbol of an errno, e.g. "EBUSY"; "UNKNOWN" for one that is not in the table.
const char* errno_name(int number);

// ---- Data plane (kernel_*.cc) ----

// One waiting connection, non-blocking, with `send_buffer` octets of room if the kernel
// grants them. -EAGAIN when none waits. Interruptions and connections that were aborted
// are tried again within. On EMFILE and ENFILE `*spare` (an open descriptor kept for
// this) is spent to accept and close the connection, and opened again, so that the
// listener does not stay readable; the errno is still returned, or -EAGAIN if none waited after all.
int socket_accept(int listener, int send_buffer, int* spare, Peer* peer);

// Who is at the other end of a connection, as it was when it was made.
int socket_peer(int fd, Peer* peer);

// Prepares a listener so that descriptors sent along cannot stop a receive, where the kernel can.
void socket_refuse_rights(int listener);

// Whether no descriptor can come along to this socket: it was accepted from such a listener. False where the kernel
// cannot tell: DragonFly's, and Linux's before 6.16.
bool socket_refuses_rights(int fd);

// Descriptors that are kept to be spent: an open /dev/null.
int spare_open();

enum PollFlag : uint32_t { POLL_READ = 1, POLL_WRITE = 2, POLL_HANGUP = 4 };

struct PollResult {
  uint32_t tag;    // as given to poller_add
  uint32_t flags;  // PollFlag; HANGUP also when the other end has only stopped sending
};

int poller_open();
// `flags` without POLL_READ and POLL_WRITE keeps the descriptor but reports nothing, not even
// hang-ups, so that a paused port whose other end has gone does not spin. Level-triggered.
int poller_set(int poller, int fd, uint32_t tag, uint32_t flags, bool is_new);
int poller_remove(int poller, int fd);
// Waits up to timeout_ms (-1 for ever). 0 when it timed out or a signal arrived.
int poller_wait(int poller, PollResult* out, int capacity, int timeout_ms);

// A descriptor pair to wake a waiting poller from another thread: [0] is polled and
// drained, [1] is written. Both are the same descriptor where that suffices (eventfd).
int wake_open(int fds[2]);
int wake_signal(int fd);
void wake_drain(int fd);

// Rightless: a socket with which no descriptor can come along.
enum class PortKind : uint8_t { Socket, Rightless, Tap };

// `bytes` is where a frame lies or goes; `size` what it has, or what was received.
struct FrameSlot {
  uint8_t* bytes;
  uint32_t size;
};

struct ReceiveResult {
  int count;        // frames received, the empty ones included, 0 … capacity
  int error;        // 0; EAGAIN when nothing more waits; another errno when the descriptor failed
  bool ended;       // the other end has gone and everything it sent has been received
  uint32_t rights;  // descriptors that came along, all closed
};

// Receives up to `count` frames of up to `limit` octets each; a longer one has size
// limit + 1. `hangup` says that the poller reported POLL_HANGUP: only then, and with
// nothing but empty frames to the end, is an empty frame the end (it is not counted).
// ECONNRESET is not the end: what the peer sent before still follows.
ReceiveResult frames_receive(int fd, PortKind kind, FrameSlot* frames, int count,
                             uint32_t limit, bool hangup);

// Sends frames in order. Returns how many the kernel took; if fewer than `count`,
// `*error` is why the next one was not. Never raises SIGPIPE.
int frames_send(int fd, PortKind kind, const FrameSlot* frames, int count, int* error);

// Whether a header as segments.h has it stands before each frame of a tap: 1, 0 or the negated errno. The descriptor
// knows, whoever opened it.
int tap_prefixed(int fd);

// Milliseconds of a monotonic clock, the cheapest there is.
double clock_ms();

}  // namespace vknetd
