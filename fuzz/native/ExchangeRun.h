// One run: an exchange, its arrays at exactly their size so that no octet beyond is there, other ends
// that do what a string of octets says, and a model of what FrameExchange promises about all that.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "../../native/kernel.h"
#include "../../native/loop.h"
#include "Octets.h"
#include "Peer.h"

namespace fuzz {

class ExchangeRun {
 public:
  ExchangeRun(const uint8_t* data, size_t size);
  ~ExchangeRun();

  void run();

 private:
  struct Undecided {
    int handle;
    std::shared_ptr<Peer> peer;
  };

  void act();

  // Connections (ExchangeRun.cc).
  void knock();
  void admit_undecided();
  void refuse();
  void join_pair();
  void attach_tap();
  void detach_tap();
  void close_port();
  void expect_admit(int result, uint32_t port, std::shared_ptr<Peer> peer);

  // What other ends do (ExchangeRun.cc).
  void send();
  void read();
  void leave();
  void pause_or_resume();

  // Steps (ExchangeStep.cc).
  void step(bool with_plan, int timeout_ms);
  void exhausted_step();
  uint32_t write_plan();
  int expected_outcome(uint32_t entry, bool* may_be_full);
  void check_plan(uint32_t plan_count);
  void check_turns(const std::vector<uint32_t>& ready, const std::map<uint32_t, bool>& served);
  void check_frames(uint32_t count, std::map<uint32_t, uint32_t>* rights);
  void check_events(std::map<uint32_t, uint32_t> rights);
  // `told`: descriptors of each port that events speak of; `swallowed`: those of empty frames before an end.
  void check_event(const int32_t* row, std::map<uint32_t, uint32_t>* told,
                   std::map<uint32_t, uint32_t>* swallowed);
  void check_connect(const int32_t* row);
  std::vector<uint32_t> ready_ports() const;

  // The end (ExchangeRun.cc).
  void drain();
  void check_afterlife();

  std::shared_ptr<Peer> peer_of(uint32_t port) const;
  uint32_t some_port();
  uint32_t some_size();
  uint32_t size_at(uint32_t index) const;

  Octets octets_;
  vknetd::ExchangeOptions options_;
  size_t slot_count_;
  size_t event_capacity_;
  size_t plan_capacity_;
  // Each array is an allocation of its own.
  std::unique_ptr<uint8_t[]> bytes_;
  std::unique_ptr<uint16_t[]> size_;
  std::unique_ptr<uint16_t[]> port_;
  std::unique_ptr<uint16_t[]> plan_slot_;
  std::unique_ptr<uint16_t[]> plan_egress_;
  std::unique_ptr<uint8_t[]> plan_outcome_;
  std::unique_ptr<int32_t[]> events_;
  std::unique_ptr<int32_t[]> state_;
  std::unique_ptr<double[]> clock_;
  std::unique_ptr<vknetd::Exchange> exchange_;
  std::map<uint32_t, std::shared_ptr<Peer>> ports_;
  std::deque<std::shared_ptr<Peer>> knocking_;
  std::vector<Undecided> undecided_;
  // The number and the size of the frame that `write_plan` put in each slot; a step may receive another into it.
  std::vector<uint32_t> slot_number_;
  std::vector<uint16_t> planned_size_;
  // Steps since who is ready was read.
  std::map<std::shared_ptr<Peer>, uint32_t> passed_over_;
  int tap_fd_ = -1;
  bool woken_ = false;
  bool exhausted_ = false;
  uint32_t frames_ = 0;
  int descriptors_before_;
};

}  // namespace fuzz
