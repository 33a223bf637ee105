// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/event_stream.h"

#include <utility>

#include "core/base/check.h"

namespace sovren::api {
namespace {

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void append_event(std::string& out, std::string_view id, std::string_view event,
                  std::string_view data) {
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  for (;;) {
    const std::size_t end = data.find('\n');
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  out += '\n';
}

}  // namespace

std::function<void()> EventStream::wake_once() {
  return std::exchange(is_awake_, true) ? std::function<void()>() : wake_;
}

void EventStream::send(std::string_view id, std::string_view event, std::string_view data) {
  SOVREN_CHECK(is_one_line(id) && is_one_line(event), "a line break would end the field");
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::open) return;
    if (queued_.size() + data.size() > queued_bytes_max_) {
      std::string().swap(queued_);
      append_event(queued_, "", "lagged", R"({"hint":"read again after the last id you have"})");
      stage_ = Stage::closing;
    } else {
      append_event(queued_, id, event, data);
    }
    wake = wake_once();
  }
  if (wake) wake();
}

void EventStream::close() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::open) return;
    stage_ = Stage::closing;
    wake = wake_once();
  }
  if (wake) wake();
}

bool EventStream::is_open() const {
  const std::lock_guard lock(mutex_);
  return stage_ == Stage::open;
}

EventStream::Batch EventStream::take() {
  const std::lock_guard lock(mutex_);
  Batch batch{std::exchange(queued_, {}), stage_ == Stage::closing};
  if (batch.is_last) stage_ = Stage::closed;
  if (batch.bytes.empty()) is_awake_ = false;
  return batch;
}

void EventStream::abandon() {
  const std::lock_guard lock(mutex_);
  std::string().swap(queued_);
  stage_ = Stage::closed;
}

}  // namespace sovren::api
