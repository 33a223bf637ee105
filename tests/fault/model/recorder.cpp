// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/check.h"

namespace sovren::storage {

void Trace::add(Operation operation) {
  const std::lock_guard lock(mutex_);
  operations_.push_back(std::move(operation));
}

void Trace::promise(const std::string& name, std::vector<std::int64_t> numbers) {
  add({.kind = Operation::Kind::promise, .path = name, .numbers = std::move(numbers)});
}

int Trace::next_handle() {
  const std::lock_guard lock(mutex_);
  return handles_++;
}

RecordingSystem::RecordingSystem(std::string root, Trace& trace)
    : root_(std::move(root)), trace_(trace) {
  replace_system_calls(this);
}

RecordingSystem::~RecordingSystem() {
  replace_system_calls(nullptr);
}

std::string RecordingSystem::below(const char* path) const {
  const std::string name = std::filesystem::path(path).lexically_relative(root_).string();
  return name.starts_with("..") ? std::string() : name;
}

ssize_t RecordingSystem::open(const SystemCall& call) {
  struct stat status {};
  const bool is_new = (call.flags & O_CREAT) != 0 && ::lstat(call.path, &status) != 0;
  const ssize_t fd = make(call);
  const std::string name = below(call.path);
  if (fd < 0 || name.empty()) return fd;
  SOVREN_CHECK((call.flags & O_APPEND) == 0, "the recorder knows no O_APPEND");
  const int handle = trace_.next_handle();
  files_[static_cast<int>(fd)] = {handle, 0};
  trace_.add({.kind = Operation::Kind::open, .path = name, .handle = handle, .creates = is_new});
  if ((call.flags & O_TRUNC) != 0 && !is_new)
    trace_.add({.kind = Operation::Kind::truncate, .handle = handle});
  return fd;
}

void RecordingSystem::note_path(Operation::Kind kind, const SystemCall& call) {
  const std::string path = below(call.path);
  const std::string to = below(call.to);
  if (!path.empty()) trace_.add({.kind = kind, .path = path, .to = to});
}

ssize_t RecordingSystem::on(const SystemCall& call) {
  using Kind = SystemCall::Kind;
  constexpr std::size_t piece_bytes = 1500;
  const std::lock_guard lock(mutex_);  // the order noted is the order in which it was done
  if (call.kind == Kind::open) return open(call);
  SystemCall made = call;
  made.size = std::min(call.size, piece_bytes);
  const ssize_t done = make(made);
  if (done < 0) return done;
  const auto found = files_.find(call.fd);
  switch (call.kind) {
    case Kind::write:
      if (found == files_.end()) break;
      trace_.add({.kind = Operation::Kind::write,
                  .handle = found->second.handle,
                  .offset = found->second.position,
                  .bytes = std::string(static_cast<const char*>(call.data),
                                       static_cast<std::size_t>(done))});
      found->second.position += done;
      break;
    case Kind::fsync:
      if (found != files_.end())
        trace_.add({.kind = Operation::Kind::sync, .handle = found->second.handle});
      break;
    case Kind::close:
      files_.erase(call.fd);
      break;
    case Kind::rename:
      note_path(Operation::Kind::rename, call);
      break;
    case Kind::link:
      note_path(Operation::Kind::link, call);
      break;
    case Kind::mkdir:
      note_path(Operation::Kind::make_folder, call);
      break;
    case Kind::unlink:
    case Kind::rmdir:
      note_path(Operation::Kind::remove, call);
      break;
    case Kind::open:
    case Kind::fallocate:  // keeps the size
    case Kind::leave_direct:
    case Kind::start_writeback:  // promises nothing
      break;
  }
  return done;
}

}  // namespace sovren::storage
