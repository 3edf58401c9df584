// JavaScript's view of the addon: the functions of src/adapters/native/Binding.ts, in its order.
//
// Arguments are right by TypeScript's types; what is wrong all the same throws a TypeError
// before anything is done. What the world refuses is the negated errno. Nothing is kept
// in statics, so that the main thread and workers may each load it.

#include <napi.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "addon.h"
#include "kernel.h"

namespace vknetd {

namespace {

bool wide_of(const CallbackInfo& info, size_t index, uint64_t* out) {
  bool lossless = false;
  if (info.Length() > index && info[index].IsBigInt()) {
    *out = info[index].As<Napi::BigInt>().Uint64Value(&lossless);
  }
  if (!lossless) refuse_call(info.Env(), "an unsigned 64-bit bigint is expected");
  return lossless;
}

Value ErrnoName(const CallbackInfo& info) {
  int64_t code = 0;
  if (!integer_of(info, 0, INT_MIN, INT_MAX, &code)) return Value();
  return Napi::String::New(info.Env(), errno_name(static_cast<int>(code)));
}

Value tap_of(const CallbackInfo& info, int fd, const TapInfo& tap) {
  Napi::Uint8Array mac = Napi::Uint8Array::New(info.Env(), sizeof(tap.mac));
  memcpy(mac.Data(), tap.mac, sizeof(tap.mac));
  Object out = Object::New(info.Env());
  out.Set("fd", number(info, fd));
  out.Set("interfaceName", Napi::String::New(info.Env(), tap.interface_name));
  out.Set("printedName", Napi::String::New(info.Env(), tap.printed_name));
  out.Set("mac", mac);
  out.Set("mtu", number(info, tap.mtu));
  return out;
}

Value OpenTap(const CallbackInfo& info) {
  std::string request;
  bool offload = false;
  if (!text_of(info, 0, &request) || !flag_of(info, 1, &offload)) return Value();
  TapInfo tap;
  const int fd = tap_open(request.c_str(), offload, &tap);
  return fd < 0 ? number(info, fd) : tap_of(info, fd, tap);
}

Value AdoptTap(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  TapInfo tap;
  const int error = tap_info(static_cast<int>(fd), &tap);
  if (error < 0) return number(info, error);
  if (fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC) < 0) return number(info, -errno);
  return tap_of(info, static_cast<int>(fd), tap);
}

struct Address {
  std::string interface_name;
  int64_t address;
  int64_t mask;
};

bool address_of(const CallbackInfo& info, Address* out) {
  return text_of(info, 0, &out->interface_name) && integer_of(info, 1, 0, UINT32_MAX, &out->address) &&
         integer_of(info, 2, 0, UINT32_MAX, &out->mask);
}

Value AssignAddress(const CallbackInfo& info) {
  Address told;
  bool shared = false;
  if (!address_of(info, &told) || !flag_of(info, 3, &shared)) return Value();
  return number(info, interface_assign(told.interface_name.c_str(), static_cast<uint32_t>(told.address),
                                       static_cast<uint32_t>(told.mask), shared));
}

Value UnassignAddress(const CallbackInfo& info) {
  Address told;
  if (!address_of(info, &told)) return Value();
  return number(info, interface_unassign(told.interface_name.c_str(), static_cast<uint32_t>(told.address),
                                         static_cast<uint32_t>(told.mask)));
}

struct Address6 {
  std::string interface_name;
  const uint8_t* octets;
  int64_t bits;
};

bool address6_of(const CallbackInfo& info, Address6* out) {
  if (!text_of(info, 0, &out->interface_name) || !integer_of(info, 2, 1, 128, &out->bits)) return false;
  const bool fits = info[1].IsTypedArray() &&
                    info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array &&
                    info[1].As<Napi::Uint8Array>().ByteLength() == 16;
  if (fits) out->octets = info[1].As<Napi::Uint8Array>().Data();
  else refuse_call(info.Env(), "a Uint8Array of 16 octets is expected");
  return fits;
}

Value AssignAddress6(const CallbackInfo& info) {
  Address6 told;
  bool shared = false;
  if (!address6_of(info, &told) || !flag_of(info, 3, &shared)) return Value();
  return number(info, interface_assign6(told.interface_name.c_str(), told.octets, static_cast<int>(told.bits), shared));
}

Value UnassignAddress6(const CallbackInfo& info) {
  Address6 told;
  if (!address6_of(info, &told)) return Value();
  return number(info, interface_unassign6(told.interface_name.c_str(), told.octets, static_cast<int>(told.bits)));
}

Value BridgeHasAddresses(const CallbackInfo& info) { return number(info, bridge_has_addresses()); }

// The functions whose arguments are one or two names.
template <int (*function)(const char*)>
Value WithName(const CallbackInfo& info) {
  std::string name;
  if (!text_of(info, 0, &name)) return Value();
  return number(info, function(name.c_str()));
}

template <int (*function)(const char*, const char*)>
Value WithNames(const CallbackInfo& info) {
  std::string first;
  std::string second;
  if (!text_of(info, 0, &first) || !text_of(info, 1, &second)) return Value();
  return number(info, function(first.c_str(), second.c_str()));
}

template <int (*function)(const char*, int64_t, uint32_t, int, uint64_t*, uint64_t*)>
Value Listen(const CallbackInfo& info) {
  std::string path;
  int64_t gid = 0;
  int64_t mode = 0;
  int64_t backlog = 0;
  if (!text_of(info, 0, &path) || !integer_of(info, 1, -1, UINT32_MAX, &gid) ||
      !integer_of(info, 2, 0, 0777, &mode) || !integer_of(info, 3, 0, INT_MAX, &backlog)) {
    return Value();
  }
  uint64_t device = 0;
  uint64_t inode = 0;
  const int fd = function(path.c_str(), gid, static_cast<uint32_t>(mode), static_cast<int>(backlog),
                          &device, &inode);
  if (fd < 0) return number(info, fd);
  Object out = Object::New(info.Env());
  out.Set("fd", number(info, fd));
  out.Set("device", Napi::BigInt::New(info.Env(), device));
  out.Set("inode", Napi::BigInt::New(info.Env(), inode));
  return out;
}

Value UnlinkSocket(const CallbackInfo& info) {
  std::string path;
  uint64_t device = 0;
  uint64_t inode = 0;
  if (!text_of(info, 0, &path) || !wide_of(info, 1, &device) || !wide_of(info, 2, &inode)) {
    return Value();
  }
  return number(info, socket_unlink(path.c_str(), device, inode));
}

Value SocketPair(const CallbackInfo& info) {
  int64_t room = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &room)) return Value();
  int fds[2];
  const int error = socket_pair(static_cast<int>(room), fds);
  return error < 0 ? number(info, error) : pair_of(info, fds[0], fds[1]);
}

Value HoldPidFile(const CallbackInfo& info) {
  std::string path;
  int64_t pid = 0;
  if (!text_of(info, 0, &path) || !integer_of(info, 1, 1, INT_MAX, &pid)) return Value();
  int32_t holder = 0;
  const int fd = pidfile_hold(path.c_str(), static_cast<int32_t>(pid), &holder);
  return fd < 0 ? pair_of(info, fd, holder) : number(info, fd);
}

Value ProbePidFile(const CallbackInfo& info) {
  std::string path;
  if (!text_of(info, 0, &path)) return Value();
  int32_t holder = 0;
  const int error = pidfile_probe(path.c_str(), &holder);
  return error < 0 ? pair_of(info, error, holder) : number(info, error);
}

Value GroupGid(const CallbackInfo& info) {
  std::string name;
  if (!text_of(info, 0, &name)) return Value();
  return number(info, group_gid(name.c_str()));
}

Value CloseFd(const CallbackInfo& info) {
  int64_t fd = 0;
  if (integer_of(info, 0, 0, INT_MAX, &fd)) close(static_cast<int>(fd));
  return info.Env().Undefined();
}

Value OpenWake(const CallbackInfo& info) {
  int fds[2];
  const int error = wake_open(fds);
  return error < 0 ? number(info, error) : pair_of(info, fds[0], fds[1]);
}

Value SignalWake(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  return number(info, wake_signal(static_cast<int>(fd)));
}

Value SendPacket(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  if (info.Length() < 2 || !info[1].IsTypedArray()) {
    return refuse_call(info.Env(), "a Uint8Array is expected");
  }
  Napi::Uint8Array octets = info[1].As<Napi::Uint8Array>();
  const FrameSlot frame = {octets.Data(), static_cast<uint32_t>(octets.ByteLength())};
  int error = 0;
  const int sent = frames_send(static_cast<int>(fd), PortKind::Socket, &frame, 1, &error);
  return number(info, sent == 1 ? static_cast<int64_t>(frame.size) : -error);
}

Object Init(Env, Object exports) {
  publish<ErrnoName>(exports, "errnoName");
  publish<OpenTap>(exports, "openTap");
  publish<AdoptTap>(exports, "adoptTap");
  publish<AssignAddress>(exports, "assignAddress");
  publish<AssignAddress6>(exports, "assignAddress6");
  publish<UnassignAddress>(exports, "unassignAddress");
  publish<UnassignAddress6>(exports, "unassignAddress6");
  publish<WithName<interface_up>>(exports, "bringUp");
  publish<WithName<bridge_create>>(exports, "bridgeCreate");
  publish<WithNames<bridge_add>>(exports, "bridgeAdd");
  publish<WithNames<bridge_remove>>(exports, "bridgeRemove");
  publish<WithName<bridge_member_count>>(exports, "bridgeMemberCount");
  publish<WithName<bridge_destroy>>(exports, "bridgeDestroy");
  publish<BridgeHasAddresses>(exports, "bridgeHasAddresses");
  publish<WithName<socket_probe>>(exports, "probeSocket");
  publish<Listen<socket_listen>>(exports, "listen");
  publish<Listen<stream_listen>>(exports, "listenStream");
  publish<UnlinkSocket>(exports, "unlinkSocket");
  publish<WithName<socket_connect>>(exports, "connect");
  publish<SocketPair>(exports, "socketPair");
  publish<HoldPidFile>(exports, "holdPidFile");
  publish<ProbePidFile>(exports, "probePidFile");
  publish<GroupGid>(exports, "groupGid");
  publish<CloseFd>(exports, "closeFd");
  publish<OpenWake>(exports, "openWake");
  publish<SignalWake>(exports, "signalWake");
  publish<SendPacket>(exports, "sendPacket");
  publish<OpenExchange>(exports, "openExchange");
  publish_service(exports);
  publish_control(exports);
  publish_handover(exports);
  return exports;
}

}  // namespace

}  // namespace vknetd

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) {
  return vknetd::Init(env, exports);
}

NODE_API_MODULE(vknetd, InitAddon)
