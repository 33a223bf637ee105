// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <sstream>

#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

struct SetNumber {
  std::int64_t step = 0;
  int repeat = 1;
};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 &&
         !text.starts_with('-');
}

std::optional<SetNumber> number_of(std::string_view name) {
  constexpr std::string_view front = "gen-";
  if (!name.starts_with(front)) return std::nullopt;
  name.remove_prefix(front.size());
  SetNumber number;
  const std::size_t dash = name.find('-');
  if (dash != std::string_view::npos) {
    if (!read_number(name.substr(dash + 1), number.repeat) || number.repeat < 2)
      return std::nullopt;
    name = name.substr(0, dash);
  }
  if (name.size() < 6 || !read_number(name, number.step)) return std::nullopt;
  return number;
}

/// The number after "job": in a damaged manifest, or 0.
JobId job_in(std::string_view text) {
  constexpr std::string_view key = "\"job\": ";
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  text = text.substr(at + key.size());
  text = text.substr(0, text.find_first_not_of("0123456789"));
  std::int64_t job = 0;
  return read_number(text, job) ? JobId{job} : JobId{};
}

Result<std::string> read_regular_file(const std::string& path, std::int64_t limit_bytes) {
  SOVREN_TRY(file, FileReader::open(path));
  if (file.size_bytes() > limit_bytes) {
    return fail({.code = Code::storage_corrupt,
                 .what = "'" + path + "' is larger than can be",
                 .hint = "",
                 .where = path});
  }
  std::string text(static_cast<std::size_t>(file.size_bytes()), '\0');
  SOVREN_DO(file.read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

std::string fence_path(const std::string& dir) {
  return dir + "/FENCE";
}

std::string restores_path(const std::string& dir) {
  return dir + "/RESTORES";
}

constexpr std::int64_t small_file_bytes_max = 1 << 20;

}  // namespace

FoundSet load_set(const std::string& path) {
  FoundSet set{.name = path.substr(path.rfind('/') + 1),
               .path = path,
               .text = {},
               .manifest = {},
               .error = {},
               .job = {}};
  const std::string manifest_path = set.path + "/" + std::string(manifest_name);
  auto text = read_regular_file(manifest_path, manifest_bytes_max);
  if (!text) {
    set.error = std::move(text).error();
    // No manifest is damage; one that cannot be read now may be whole.
    struct stat status {};
    const bool is_there = ::lstat(manifest_path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (set.error.code == Code::input_missing)
      set.error.code = is_there ? Code::storage_io : Code::storage_corrupt;
    if (set.error.code == Code::storage_corrupt)
      set.error.what = "MANIFEST.json is not there or not as it was written";
    return set;
  }
  set.text = std::move(*text);
  auto manifest = parse_manifest(set.text, manifest_path);
  if (manifest) {
    set.job = manifest->header.job;
    const auto number = number_of(set.name);
    if (number && number->step != manifest->header.step) {
      set.error = {.code = Code::storage_corrupt,
                   .what = "MANIFEST.json is of step " + std::to_string(manifest->header.step),
                   .hint = "",
                   .where = manifest_path};
      return set;
    }
    set.manifest = std::move(*manifest);
  } else {
    set.error = std::move(manifest).error();
    set.job = job_in(set.text);
  }
  return set;
}

Result<FoundSet> find_set(const std::string& set_path) {
  std::string path = set_path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return fail({.code = Code::not_found,
                 .what = "there is no checkpoint set '" + path + "'",
                 .hint = "list them with: sovren checkpoints list DIR",
                 .where = path});
  FoundSet set = load_set(path);
  if (!set.manifest) return fail(std::move(set.error));
  return set;
}

std::string set_name(std::int64_t step, int repeat) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "gen-%06lld", static_cast<long long>(step));
  std::string text = name.data();
  if (repeat > 1) text += "-" + std::to_string(repeat);
  return text;
}

bool is_sealed_name(std::string_view name) {
  return number_of(name).has_value();
}

bool is_unfinished_name(std::string_view name) {
  const std::size_t at = name.find(".tmp-");
  return at != std::string_view::npos && is_sealed_name(name.substr(0, at));
}

SetOrder order_of(const FoundSet& set) {
  const std::string_view name = set.name;
  const SetNumber number = number_of(name.substr(name.rfind('/') + 1)).value_or(SetNumber{});
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  return {.job = set.job.value == 0 && !set.manifest ? last : set.job.value,
          .attempt = set.manifest ? set.manifest->header.attempt : std::numeric_limits<int>::max(),
          .step = number.step,
          .repeat = number.repeat};
}

Result<std::vector<FoundSet>> find_sets(const std::string& dir) {
  SOVREN_TRY(names, list_directory(dir));
  std::vector<FoundSet> sets;
  for (const std::string& name : names)
    if (is_sealed_name(name)) sets.push_back(load_set(dir + "/" + name));
  std::sort(sets.begin(), sets.end(),
            [](const FoundSet& a, const FoundSet& b) { return order_of(a) > order_of(b); });
  return sets;
}

Result<Fence> read_fence(const std::string& dir) {
  const std::string path = fence_path(dir);
  if (!path_exists(path)) return Fence{};
  SOVREN_TRY(text, read_file(path, small_file_bytes_max));
  std::istringstream words(text);
  std::string job_word;
  std::string attempt_word;
  Fence fence;
  words >> job_word >> fence.job.value >> attempt_word >> fence.attempt;
  if (!words || job_word != "job" || attempt_word != "attempt" || fence.job.value < 0 ||
      fence.attempt < 0) {
    return fail({.code = Code::storage_corrupt,
                 .what = "'" + path + "' does not say which attempt may write checkpoints",
                 .hint = "if no other run uses this folder, delete that file",
                 .where = path});
  }
  return fence;
}

Result<void> write_fence(const std::string& dir, Fence fence) {
  return write_file_atomic(fence_path(dir), "job " + std::to_string(fence.job.value) + " attempt " +
                                                std::to_string(fence.attempt) + "\n");
}

Result<void> check_fence(const std::string& dir, Fence mine) {
  SOVREN_TRY(fence, read_fence(dir));
  if (std::pair(fence.job, fence.attempt) <= std::pair(mine.job, mine.attempt)) return {};
  return fail({.code = Code::fenced,
               .what = "attempt " + std::to_string(fence.attempt) + " of job " +
                       std::to_string(fence.job.value) + " has taken over the checkpoints of '" +
                       dir + "': attempt " + std::to_string(mine.attempt) + " of job " +
                       std::to_string(mine.job.value) + " must not write there",
               .hint = "choose another folder with --dir; if no other run uses this one, delete '" +
                       fence_path(dir) + "'",
               .where = dir});
}

Result<JobId> latest_job(const std::string& dir) {
  SOVREN_TRY(fence, read_fence(dir));
  SOVREN_TRY(sets, find_sets(dir));
  JobId latest = fence.job;
  for (const FoundSet& set : sets) latest = std::max(latest, set.job);
  return latest;
}

std::string restore_key(const std::string& name, std::string_view manifest_text) {
  return name + ":" + text::sha256_hex(manifest_text).substr(0, 16);
}

std::string restore_key(const FoundSet& set) {
  return restore_key(set.name, set.text);
}

Restores read_restores(const std::string& dir) {
  Restores restores;
  const auto text = read_file(restores_path(dir), small_file_bytes_max);
  if (!text) return restores;
  std::istringstream words(*text);
  std::string key;
  int count = 0;
  while (words >> key >> count) restores[key] = count;
  return restores;
}

Result<void> write_restores(const std::string& dir, const Restores& restores) {
  std::string text;
  for (const auto& [key, count] : restores) text += key + " " + std::to_string(count) + "\n";
  return write_file_atomic(restores_path(dir), text);
}

Result<void> clear_restores(const std::string& dir) {
  return remove_tree(restores_path(dir));
}

Result<void> remove_set(const std::string& dir, const std::string& name) {
  const std::string doomed = dir + "/" + name + ".tmp-0-deleted";
  SOVREN_DO(remove_tree(doomed));
  SOVREN_DO(rename_durable(dir + "/" + name, doomed));
  return remove_tree(doomed);
}

Result<void> quarantine_set(const std::string& dir, const std::string& name,
                            const std::string& why) {
  const std::string quarantine = dir + "/quarantine";
  SOVREN_DO(make_directories(quarantine));
  std::string target = quarantine + "/" + name;
  for (int again = 2; path_exists(target); ++again)
    target = quarantine + "/" + name + "." + std::to_string(again);
  SOVREN_DO(rename_durable(dir + "/" + name, target));
  return write_file_atomic(target + "/WHY.txt", why + "\n");
}

std::string lock_path(const std::string& dir) {
  return dir + "/LOCK";
}

}  // namespace sovren::storage
