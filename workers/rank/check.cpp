// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/check.h"

#include <cstdlib>
#include <iostream>
#include <iterator>

#include "core/text/job_file.h"
#include "core/text/json.h"
#include "jobs/kind/job_kind.h"
#include "kernels/device/device.h"
#include "kernels/linalg/blas.h"
#include "storage/checkpoint/hdf5_version.h"
#include "storage/file/file.h"
#include "workers/comm/comm.h"
#include "workers/rank/backend.h"

namespace sovren::workers {
namespace {

using text::Json;

int refuse(const text::Errors& errors, std::ostream& out) {
  for (const Error& error : errors) {
    Json line{{"ok", false}};
    line.update(text::error_to_json(error));
    out << text::dump_json(line) << "\n";
  }
  return rank_exit_code(errors.front().code);
}

std::string folder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file.substr(0, slash + 1);
  char* full = ::realpath(folder.c_str(), nullptr);
  std::string path = full == nullptr ? folder : full;
  std::free(full);
  return path;
}

Result<std::string> read_source(const std::string& file) {
  constexpr std::int64_t size_bytes_max = 1 << 20;
  if (file != "-") return storage::read_file(file, size_bytes_max);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

/// What loading the job says.
Result<Json> load(const JobSpec& spec) {
  kernels::DeviceList found;
  if (spec.resources.backend != Backend::cpu) found = kernels::list_devices();
  SOVREN_TRY(choice, choose_backend(spec.resources.backend, found));
  const auto comm = make_self_communicator();
  const jobs::Setting setting{*comm, spec.resources.cpus_per_rank, choice.backend};
  SOVREN_TRY(kind, jobs::make_job_kind(spec, setting));
  SOVREN_DO(kind->load());
  return Json{{"ok", true},
              {"kind", kind_name(spec.kind)},
              {"warnings", kind->warnings()},
              {"facts", kind->facts()}};
}

}  // namespace

int check_job(const std::string& file, std::ostream& out) {
  auto source = read_source(file);
  if (!source) return refuse({source.error()}, out);
  const std::string name = file == "-" ? "job.toml" : file;
  const auto spec =
      text::parse_job_file({.name = name, .text = std::move(*source), .base_dir = folder_of(name)});
  if (!spec) return refuse(spec.error(), out);
  const auto elements = text::expand_array(*spec);
  if (!elements) return refuse({elements.error()}, out);
  const auto answer = load(elements->front());
  if (!answer) return refuse({answer.error()}, out);
  out << text::dump_json(*answer) << "\n";
  return exit_done;
}

int print_about(std::ostream& out) {
  const kernels::DeviceList found = kernels::list_devices();
  Json devices = Json::array();
  for (const kernels::Device& device : found.devices)
    devices.push_back({{"index", device.index},
                       {"name", device.name},
                       {"memory_bytes", device.memory_bytes},
                       {"architecture", device.architecture}});
  const Json about{
      {"schema", "sovren.about/1"},
      {"version", SOVREN_VERSION},
      {"hdf5", storage::hdf5_version()},
      {"mpi", mpi_library_version()},
      {"cuda",
       {{"compiled", found.is_compiled}, {"devices", devices}, {"why_none", found.why_none}}},
      {"blas", kernels::blas_name()}};
  out << text::dump_json(about) << "\n";
  return exit_done;
}

}  // namespace sovren::workers
