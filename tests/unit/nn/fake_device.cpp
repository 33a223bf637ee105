// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/nn/fake_device.h"

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/device/device_memory.h"
#include "kernels/device/device_stream.h"
#include "tests/unit/nn/fake_queue.h"

namespace sovren::nn::fake {
namespace {

// Ranks are threads here.
std::mutex mutex;
std::int64_t free_bytes = std::int64_t{1} << 40;
Counts all;

}  // namespace

void set_free_bytes(std::int64_t bytes) {
  const std::lock_guard lock(mutex);
  free_bytes = bytes;
}

Counts counts() {
  const std::lock_guard lock(mutex);
  return all;
}

void Queue::run_until(std::size_t end) {
  while (done_ < end) {
    const std::function<void()> work = std::move(work_[done_]);
    work_[done_++] = nullptr;
    work();
    const std::lock_guard lock(mutex);
    ++all.operations;
  }
}

void put(void* stream, std::function<void()> work) {
  static_cast<Queue*>(stream)->put(std::move(work));
}

}  // namespace sovren::nn::fake

namespace sovren::kernels {
namespace {

using nn::fake::Queue;

Queue& queue_of(const DeviceStream& stream) {
  return *static_cast<Queue*>(stream.handle());
}

/// A place in a queue.
struct Place {
  Queue* queue = nullptr;
  std::size_t end = 0;
};

}  // namespace

Result<void> check_cuda(int status, const char* activity) {
  if (status == 0) return {};
  return fail({.code = Code::device, .what = activity});
}

Result<void> allocate_on_device(void** data, std::size_t bytes) {
  *data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*data, 0xFF, bytes);  // NaN, in bf16 and fp32
  const std::lock_guard lock(nn::fake::mutex);
  ++nn::fake::all.allocations;
  return {};
}
void free_on_device(void* data) {
  std::free(data);
}
Result<void> copy_to_device(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}
Result<void> copy_from_device(void* to, const void* from, std::size_t bytes, const char*) {
  std::memcpy(to, from, bytes);
  return {};
}

Result<void> enter_device() {
  return {};
}
Result<std::int64_t> free_device_bytes() {
  const std::lock_guard lock(nn::fake::mutex);
  return nn::fake::free_bytes;
}

Result<std::unique_ptr<DeviceStream>> DeviceStream::make() {
  std::unique_ptr<DeviceStream> made(new DeviceStream);
  made->stream_ = new Queue;
  return made;
}
DeviceStream::~DeviceStream() {
  delete static_cast<Queue*>(stream_);
}
Result<void> DeviceStream::wait() const {
  queue_of(*this).run_until(queue_of(*this).size());
  return {};
}
Result<void> DeviceStream::follow(const DeviceStream& other) const {
  Queue& before = queue_of(other);
  queue_of(*this).put([&before, end = before.size()] { before.run_until(end); });
  return {};
}
Result<void> DeviceStream::copy_to_device(void* to, const void* from, std::size_t bytes) const {
  queue_of(*this).put([=] {
    if (bytes > 0) std::memcpy(to, from, bytes);  // nothing may lie nowhere
  });
  return {};
}
Result<void> DeviceStream::copy_to_host(void* to, const void* from, std::size_t bytes) const {
  return copy_to_device(to, from, bytes);
}
Result<void> DeviceStream::fill_with_zero(void* data, std::size_t bytes) const {
  queue_of(*this).put([=] {
    if (bytes > 0) std::memset(data, 0, bytes);
  });
  return {};
}

DeviceMark::~DeviceMark() {
  delete static_cast<Place*>(event_);
}
Result<void> DeviceMark::set(const DeviceStream& stream) {
  if (event_ == nullptr) event_ = new Place;
  *static_cast<Place*>(event_) = {&queue_of(stream), queue_of(stream).size()};
  return {};
}
Result<void> DeviceMark::wait() const {
  if (event_ == nullptr) return {};
  const Place& place = *static_cast<Place*>(event_);
  place.queue->run_until(place.end);
  return {};
}

DeviceGraph::~DeviceGraph() {
  delete static_cast<Queue::Works*>(graph_);
}
Result<void> DeviceGraph::capture(const DeviceStream& stream,
                                  const std::function<Result<void>()>& work) {
  Queue::Works captured;
  queue_of(stream).capture_into(&captured);
  const Result<void> done = work();
  queue_of(stream).capture_into(nullptr);
  SOVREN_DO(done);
  graph_ = new Queue::Works(std::move(captured));
  const std::lock_guard lock(nn::fake::mutex);
  ++nn::fake::all.captures;
  return {};
}
Result<void> DeviceGraph::launch(const DeviceStream& stream) const {
  for (const auto& work : *static_cast<Queue::Works*>(graph_)) queue_of(stream).put(work);
  const std::lock_guard lock(nn::fake::mutex);
  ++nn::fake::all.launches;
  return {};
}

PinnedMemory::~PinnedMemory() {
  std::free(data_);
}
Result<void> PinnedMemory::make(std::size_t bytes) {
  data_ = std::malloc(bytes);
  return {};
}

}  // namespace sovren::kernels
