// NativeExchange of src/adapters/native/Binding.ts: an Exchange as an object of functions.
//
// The functions carry the exchange themselves, so that a step costs one call and no look-up
// of what `this` is. Their arguments are right by TypeScript's types and are not looked at again.

#include <napi.h>

#include <limits.h>
#include <string.h>

#include <string>

#include "addon.h"
#include "kernel.h"
#include "loop.h"

namespace vknetd {

namespace {

// Shared by the functions of the object that JavaScript holds, and gone with the last of them.
struct Shared {
  Exchange exchange;
  Napi::ObjectReference arrays;  // keeps the memory that the exchange works on
  int functions;

  Shared(const SharedArrays& memory, const ExchangeOptions& options)
      : exchange(memory, options), functions(0) {}
};

Exchange& exchange_of(const CallbackInfo& info) {
  return static_cast<Shared*>(info.Data())->exchange;
}

int int_at(const CallbackInfo& info, size_t index) {
  return info[index].As<Number>().Int32Value();
}

uint32_t port_at(const CallbackInfo& info, size_t index) {
  return info[index].As<Number>().Uint32Value();
}

Value Step(const CallbackInfo& info) {
  return Number::New(info.Env(), exchange_of(info).step(port_at(info, 0), int_at(info, 1)));
}

void Send(const CallbackInfo& info) { exchange_of(info).send(port_at(info, 0)); }
void Park(const CallbackInfo& info) { exchange_of(info).park(int_at(info, 0)); }

Value RestTap(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), exchange_of(info).rest_tap(info[0].As<Napi::Boolean>().Value()));
}

Value Descriptor(const CallbackInfo& info) {
  return Number::New(info.Env(), exchange_of(info).descriptor(port_at(info, 0)));
}

// As FrameExchange wants it, these return 0 or an errno that is not negated.
Value Admit(const CallbackInfo& info) {
  return number(info, -exchange_of(info).admit(int_at(info, 0), port_at(info, 1)));
}

Value Listen(const CallbackInfo& info) {
  return number(info, -exchange_of(info).listen(port_at(info, 0), int_at(info, 1)));
}

Value AttachTap(const CallbackInfo& info) {
  Exchange& exchange = exchange_of(info);
  if (info.Length() < 4) return number(info, -exchange.attach_tap(int_at(info, 0)));
  // The address as MacAddress.ts has it.
  const uint32_t hi = port_at(info, 1);
  const uint16_t pairs[3] = {static_cast<uint16_t>(hi), static_cast<uint16_t>(hi >> 16),
                             static_cast<uint16_t>(port_at(info, 2))};
  TapLink known = {};
  memcpy(known.mac, pairs, sizeof(known.mac));
  known.mtu = int_at(info, 3);
  return number(info, -exchange.attach_tap(int_at(info, 0), &known));
}

void Refuse(const CallbackInfo& info) { exchange_of(info).refuse(int_at(info, 0)); }
void DetachTap(const CallbackInfo& info) { exchange_of(info).detach_tap(); }
void Close(const CallbackInfo& info) { exchange_of(info).close_port(port_at(info, 0)); }
void Pause(const CallbackInfo& info) { exchange_of(info).pause(port_at(info, 0)); }
void Resume(const CallbackInfo& info) { exchange_of(info).resume(port_at(info, 0)); }
void RestListeners(const CallbackInfo& info) { exchange_of(info).rest_listeners(); }
void Shutdown(const CallbackInfo& info) { exchange_of(info).shutdown(); }

template <typename Result, Result (*function)(const CallbackInfo&)>
void bind_function(Object object, const char* name, Shared* shared) {
  const Env env = object.Env();
  Napi::Function bound = Napi::Function::New<function>(env, name, shared);
  shared->functions++;
  bound.AddFinalizer(
      [](Napi::BasicEnv, Shared* of) {
        if (--of->functions == 0) delete of;
      },
      shared);
  object.Set(name, bound);
}

// A typed array's memory, if it is of that type.
template <typename Array, typename Element>
bool memory_of(Object arrays, const char* name, napi_typedarray_type type, Element** data,
               size_t* length) {
  const Value value = arrays.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) return false;
  Array array = value.As<Array>();
  *data = array.Data();
  *length = array.ElementLength();
  return true;
}

bool arrays_of(Object given, SharedArrays* out) {
  size_t bytes = 0;
  size_t lengths[8] = {};
  using Napi::Uint16Array;
  const bool typed =
      memory_of<Napi::Uint8Array>(given, "bytes", napi_uint8_array, &out->bytes, &bytes) &&
      memory_of<Uint16Array>(given, "size", napi_uint16_array, &out->size, &lengths[0]) &&
      memory_of<Uint16Array>(given, "port", napi_uint16_array, &out->port, &lengths[1]) &&
      memory_of<Uint16Array>(given, "planSlot", napi_uint16_array, &out->plan_slot, &lengths[2]) &&
      memory_of<Uint16Array>(given, "planEgress", napi_uint16_array, &out->plan_egress,
                             &lengths[3]) &&
      memory_of<Napi::Uint8Array>(given, "planOutcome", napi_uint8_array, &out->plan_outcome,
                                  &lengths[4]) &&
      memory_of<Napi::Int32Array>(given, "events", napi_int32_array, &out->events, &lengths[5]) &&
      memory_of<Napi::Int32Array>(given, "state", napi_int32_array, &out->state, &lengths[6]) &&
      memory_of<Napi::Float64Array>(given, "clock", napi_float64_array, &out->clock, &lengths[7]);
  if (!typed || lengths[1] != lengths[0]) return false;
  if (lengths[3] != lengths[2] || lengths[4] != lengths[2]) return false;
  out->slot_count = lengths[0];
  out->plan_capacity = lengths[2];
  out->event_capacity = lengths[5] / kEventWidth;
  // The octets are checked against slotBytes once the options are read.
  return out->event_capacity >= kEventsPerPort && lengths[6] >= 2 && lengths[7] >= 1 && bytes > 0;
}

bool option_of(Object given, const char* name, int64_t min, int64_t max, int64_t* out) {
  const Value value = given.Get(name);
  if (!value.IsNumber()) return false;
  *out = value.As<Number>().Int64Value();
  return *out >= min && *out <= max;
}

bool options_of(Object given, ExchangeOptions* out) {
  int64_t values[8];
  const bool typed = option_of(given, "slotBytes", 1, 65536, &values[0]) &&
                     option_of(given, "frameBytesMax", 1, 65534, &values[1]) &&
                     option_of(given, "batchFrames", 1, 65535, &values[2]) &&
                     option_of(given, "portCount", 1, 65536, &values[3]) &&
                     option_of(given, "listener", -1, INT_MAX, &values[4]) &&
                     option_of(given, "trunkListener", -1, INT_MAX, &values[5]) &&
                     option_of(given, "wake", -1, INT_MAX, &values[6]) &&
                     option_of(given, "sendBufferBytes", 0, INT_MAX, &values[7]);
  if (!typed || values[0] <= values[1]) return false;
  out->slot_bytes = static_cast<uint32_t>(values[0]);
  out->frame_bytes_max = static_cast<uint32_t>(values[1]);
  out->batch_frames = static_cast<uint32_t>(values[2]);
  out->port_count = static_cast<uint32_t>(values[3]);
  out->listener = static_cast<int>(values[4]);
  out->trunk_listener = static_cast<int>(values[5]);
  out->wake = static_cast<int>(values[6]);
  out->send_buffer = static_cast<int>(values[7]);
  return true;
}

}  // namespace

Value OpenExchange(const CallbackInfo& info) {
  const Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsObject()) {
    return refuse_call(env, "openExchange needs the arrays and the options");
  }
  const Object given = info[0].As<Object>();
  SharedArrays arrays;
  ExchangeOptions options;
  if (!arrays_of(given, &arrays)) return refuse_call(env, "the arrays do not fit each other");
  if (!options_of(info[1].As<Object>(), &options)) {
    return refuse_call(env, "an option is out of range");
  }
  const size_t octets = given.Get("bytes").As<Napi::TypedArray>().ByteLength();
  if (options.batch_frames > arrays.slot_count || octets < arrays.slot_count * options.slot_bytes) {
    return refuse_call(env, "the arena is smaller than its slots");
  }
  Shared* shared = new Shared(arrays, options);
  const int error = shared->exchange.open();
  if (error < 0) {
    delete shared;
    const std::string symbol = errno_name(-error);
    Napi::Error failure = Napi::Error::New(env, "cannot open an exchange: " + symbol);
    failure.Set("code", symbol);
    failure.ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Object kept = Object::New(env);
  for (const char* name : {"bytes", "size", "port", "planSlot", "planEgress", "planOutcome",
                           "events", "state", "clock"}) {
    kept.Set(name, given.Get(name));
  }
  shared->arrays = Napi::Persistent(kept);
  Object out = Object::New(env);
  bind_function<Value, Step>(out, "step", shared);
  bind_function<void, Send>(out, "send", shared);
  bind_function<Value, RestTap>(out, "restTap", shared);
  bind_function<void, Park>(out, "park", shared);
  bind_function<Value, Descriptor>(out, "descriptor", shared);
  bind_function<Value, Listen>(out, "listen", shared);
  bind_function<Value, Admit>(out, "admit", shared);
  bind_function<void, Refuse>(out, "refuse", shared);
  bind_function<Value, AttachTap>(out, "attachTap", shared);
  bind_function<void, DetachTap>(out, "detachTap", shared);
  bind_function<void, Close>(out, "close", shared);
  bind_function<void, Pause>(out, "pause", shared);
  bind_function<void, Resume>(out, "resume", shared);
  bind_function<void, RestListeners>(out, "restListeners", shared);
  bind_function<void, Shutdown>(out, "shutdown", shared);
  return out;
}

}  // namespace vknetd
