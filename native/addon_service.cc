// JavaScript's view of service.h, in its order. See Binding.ts.

#include <napi.h>

#include <limits.h>

#include <string>

#include "addon.h"
#include "service.h"

namespace vknetd {

namespace {

Value SendDatagram(const CallbackInfo& info) {
  std::string path;
  std::string text;
  int64_t wait_ms = 0;
  int64_t along = -1;
  if (!text_of(info, 0, &path) || !text_of(info, 1, &text) || !integer_of(info, 2, 0, INT_MAX, &wait_ms)) {
    return Value();
  }
  if (info.Length() > 3 && !integer_of(info, 3, -1, INT_MAX, &along)) return Value();
  return number(info, datagram_send(path.c_str(), text.data(), text.size(), static_cast<int>(wait_ms),
                                    static_cast<int>(along)));
}

Value NotifyBarrier(const CallbackInfo& info) {
  std::string path;
  int64_t wait_ms = 0;
  if (!text_of(info, 0, &path) || !integer_of(info, 1, 0, INT_MAX, &wait_ms)) return Value();
  return number(info, notify_barrier(path.c_str(), static_cast<int>(wait_ms)));
}

Value AdoptConnection(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  Peer peer;
  const int error = connection_adopt(static_cast<int>(fd), &peer);
  return error < 0 ? number(info, error) : pair_of(info, peer.uid, peer.pid);
}

Value EndConnection(const CallbackInfo& info) {
  int64_t fd = 0;
  if (integer_of(info, 0, 0, INT_MAX, &fd)) connection_end(static_cast<int>(fd));
  return info.Env().Undefined();
}

Value InheritListener(const CallbackInfo& info) {
  int64_t fd = 0;
  if (!integer_of(info, 0, 0, INT_MAX, &fd)) return Value();
  InheritedListener listener;
  const int error = listener_inherit(static_cast<int>(fd), &listener);
  if (error < 0) return number(info, error);
  Object out = Object::New(info.Env());
  out.Set("path", Napi::String::New(info.Env(), listener.path));
  out.Set("mode", number(info, listener.mode));
  return out;
}

Value SameNode(const CallbackInfo& info) {
  std::string path;
  std::string other;
  if (!text_of(info, 0, &path) || !text_of(info, 1, &other)) return Value();
  return Napi::Boolean::New(info.Env(), same_node(path.c_str(), other.c_str()) == 1);
}

Value UserIds(const CallbackInfo& info) {
  std::string name;
  if (!text_of(info, 0, &name)) return Value();
  uint32_t uid = 0;
  uint32_t gid = 0;
  const int error = user_ids(name.c_str(), &uid, &gid);
  return error < 0 ? number(info, error) : pair_of(info, uid, gid);
}

Value BecomeUser(const CallbackInfo& info) {
  int64_t uid = 0;
  int64_t gid = 0;
  if (!integer_of(info, 0, 0, UINT32_MAX, &uid) || !integer_of(info, 1, 0, UINT32_MAX, &gid)) return Value();
  return number(info, identity_become(static_cast<uint32_t>(uid), static_cast<uint32_t>(gid)));
}

template <int (*function)()>
Value WithNothing(const CallbackInfo& info) {
  return number(info, function());
}

}  // namespace

void publish_service(Object exports) {
  publish<SendDatagram>(exports, "sendDatagram");
  publish<NotifyBarrier>(exports, "notifyBarrier");
  publish<AdoptConnection>(exports, "adoptConnection");
  publish<EndConnection>(exports, "endConnection");
  publish<InheritListener>(exports, "inheritListener");
  publish<SameNode>(exports, "sameNode");
  publish<UserIds>(exports, "userIds");
  publish<WithNothing<privileges_seal>>(exports, "sealPrivileges");
  publish<BecomeUser>(exports, "becomeUser");
  publish<WithNothing<capabilities_hold>>(exports, "holdCapabilities");
  publish<WithNothing<capabilities_reduce>>(exports, "reduceCapabilities");
}

}  // namespace vknetd
