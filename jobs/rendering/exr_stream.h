// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ImfIO.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

namespace sovren::jobs {

// Files in memory, for OpenEXR. It reports what is wrong by exceptions, and takes them.

class ExrBytesIn : public Imf::IStream {
 public:
  explicit ExrBytesIn(std::span<const std::byte> file) : Imf::IStream("picture"), file_(file) {}

  bool read(char* to, int count) override {
    const auto size = static_cast<std::size_t>(count);
    if (count < 0 || position_ > file_.size() || size > file_.size() - position_)
      throw std::runtime_error("the file is cut off");
    std::memcpy(to, file_.data() + position_, size);
    position_ += size;
    return position_ < file_.size();
  }
  std::uint64_t tellg() override { return position_; }
  void seekg(std::uint64_t position) override { position_ = position; }

 private:
  std::span<const std::byte> file_;
  std::size_t position_ = 0;
};

class ExrBytesOut : public Imf::OStream {
 public:
  ExrBytesOut() : Imf::OStream("picture") {}

  void write(const char* from, int count) override {
    const auto size = static_cast<std::size_t>(count);
    if (file_.size() < position_ + size) file_.resize(position_ + size);
    std::memcpy(file_.data() + position_, from, size);
    position_ += size;
  }
  std::uint64_t tellp() override { return position_; }
  void seekp(std::uint64_t position) override { position_ = position; }

  std::string& file() { return file_; }

 private:
  std::string file_;
  std::size_t position_ = 0;
};

}  // namespace sovren::jobs
