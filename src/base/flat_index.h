// A map from 64-bit keys to 32-bit values for the packet path: one multiplication and, mostly, one
// cache line per lookup, no allocation but when it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley::base {

// Open addressing, linear probing. Thread-compatible. Values are indices: kNone is not one.
class FlatIndex {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  [[nodiscard]] std::uint32_t find(std::uint64_t key) const {
    if (size_ == 0) return kNone;
    for (std::size_t i = home(key);; i = (i + 1) & mask_) {
      const Cell& cell = cells_[i];
      if (cell.value == kNone) return kNone;
      if (cell.key == key) return cell.value;
    }
  }

  // Sets the value of `key`; `value` must not be kNone.
  void set(std::uint64_t key, std::uint32_t value) {
    if (2 * (size_ + 1) > cells_.size()) grow();
    for (std::size_t i = home(key);; i = (i + 1) & mask_) {
      Cell& cell = cells_[i];
      if (cell.value == kNone) ++size_;
      if (cell.value == kNone || cell.key == key) {
        cell = {key, value};
        return;
      }
    }
  }

  void erase(std::uint64_t key) {
    if (size_ == 0) return;
    std::size_t hole = home(key);
    while (cells_[hole].value != kNone && cells_[hole].key != key) hole = (hole + 1) & mask_;
    if (cells_[hole].value == kNone) return;
    // Later cells of the same run move up, so that lookups still reach them without tombstones.
    for (std::size_t i = (hole + 1) & mask_; cells_[i].value != kNone; i = (i + 1) & mask_) {
      const std::size_t wanted = home(cells_[i].key);
      if (((i - wanted) & mask_) < ((i - hole) & mask_)) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].value = kNone;
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Cell {
    std::uint64_t key = 0;
    std::uint32_t value = kNone;
  };

  [[nodiscard]] std::size_t home(std::uint64_t key) const {
    // Fibonacci hashing: neighbouring keys, which ours are, land far apart.
    return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15ULL) >> 32U) & mask_;
  }

  void grow() {
    std::vector<Cell> old(cells_.empty() ? 16 : cells_.size() * 2);
    old.swap(cells_);
    mask_ = cells_.size() - 1;
    size_ = 0;
    for (const Cell& cell : old)
      if (cell.value != kNone) set(cell.key, cell.value);
  }

  std::vector<Cell> cells_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

}  // namespace parley::base
