// Where a run takes its decisions from: a string of octets, at whose end all are 0.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fuzz {

class Octets {
 public:
  Octets(const uint8_t* data, size_t size) : data_(data), size_(size), at_(0) {}

  bool empty() const { return at_ >= size_; }
  uint8_t next() { return at_ < size_ ? data_[at_++] : 0; }
  // 0 up to, not including, n.
  uint32_t below(uint32_t n) { return next() % n; }
  bool one_in(uint32_t n) { return below(n) == n - 1; }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_;
};

}  // namespace fuzz
