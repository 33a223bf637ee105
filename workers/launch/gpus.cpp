// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/gpus.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "workers/launch/machine.h"

namespace sovren::workers {
namespace {

// NVML's calls, as its documentation declares them (NVML API reference guide); 0 is success.
struct Memory {
  unsigned long long total = 0, free = 0, used = 0;
};
using Device = void*;
using Call = int (*)();
using CountCall = int (*)(unsigned*);
using HandleCall = int (*)(unsigned, Device*);
using TextCall = int (*)(Device, char*, unsigned);
using MemoryCall = int (*)(Device, Memory*);

class Nvml {
 public:
  Nvml() : library_(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    const auto init = find<Call>("nvmlInit_v2");
    is_ready_ = init != nullptr && init() == 0;
  }
  ~Nvml() {
    if (const auto shutdown = find<Call>("nvmlShutdown"); is_ready_ && shutdown != nullptr)
      shutdown();
    if (library_ != nullptr) ::dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::vector<Gpu> gpus() const {
    const auto count_of = find<CountCall>("nvmlDeviceGetCount_v2");
    const auto handle_of = find<HandleCall>("nvmlDeviceGetHandleByIndex_v2");
    const auto uuid_of = find<TextCall>("nvmlDeviceGetUUID");
    const auto name_of = find<TextCall>("nvmlDeviceGetName");
    const auto memory_of = find<MemoryCall>("nvmlDeviceGetMemoryInfo");
    unsigned count = 0;
    std::vector<Gpu> found;
    if (!is_ready_ || !count_of || !handle_of || !uuid_of || !name_of || !memory_of) return found;
    if (count_of(&count) != 0) return found;
    for (unsigned i = 0; i < count; ++i) {
      Device device = nullptr;
      if (handle_of(i, &device) != 0) continue;  // fallen off the bus, or not permitted
      Memory memory;
      memory_of(device, &memory);
      found.push_back({.id = text(uuid_of, device),
                       .model = text(name_of, device),
                       .memory_bytes = static_cast<std::int64_t>(memory.total)});
    }
    return found;
  }

 private:
  template <class Function>
  Function find(const char* name) const {
    if (library_ == nullptr) return nullptr;
    return reinterpret_cast<Function>(::dlsym(library_, name));
  }
  static std::string text(TextCall call, Device device) {
    std::array<char, 256> buffer{};
    return call(device, buffer.data(), buffer.size() - 1) == 0 ? buffer.data() : "";
  }

  void* library_;
  bool is_ready_ = false;
};

std::vector<Gpu> numbered_devices(const std::string& root) {
  std::vector<Gpu> found;
  for (int i = 0; i < count_gpus(root, nullptr); ++i) found.push_back({.id = std::to_string(i)});
  return found;
}

const Gpu* named(const std::vector<Gpu>& all, const std::string& name) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size())
    return number < all.size() ? &all[number] : nullptr;
  for (const Gpu& gpu : all)
    if (!name.empty() && gpu.id.starts_with(name)) return &gpu;
  return nullptr;
}

}  // namespace

std::vector<Gpu> visible_gpus(const std::vector<Gpu>& all, const char* visible) {
  if (visible == nullptr) return all;
  std::vector<Gpu> left;
  std::istringstream names(visible);
  for (std::string name; std::getline(names, name, ',');) {
    const Gpu* gpu = named(all, name);
    if (gpu == nullptr) break;
    left.push_back(*gpu);
  }
  return left;
}

std::vector<Gpu> discover_gpus(const std::string& root, const char* visible) {
  std::vector<Gpu> all = root.empty() ? Nvml().gpus() : std::vector<Gpu>();
  if (all.empty()) all = numbered_devices(root);
  return visible_gpus(all, visible);
}

GpuMap::GpuMap(const std::vector<Gpu>& gpus) : is_taken_(gpus.size(), false) {
  for (const Gpu& gpu : gpus) ids_.push_back(gpu.id);
}

std::vector<std::string> GpuMap::take(int count) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < ids_.size() && std::ssize(ids) < count; ++i) {
    if (is_taken_[i]) continue;
    is_taken_[i] = true;
    ids.push_back(ids_[i]);
  }
  return ids;
}

void GpuMap::give_back(const std::vector<std::string>& ids) {
  for (std::size_t i = 0; i < ids_.size(); ++i)
    if (std::find(ids.begin(), ids.end(), ids_[i]) != ids.end()) is_taken_[i] = false;
}

}  // namespace sovren::workers
