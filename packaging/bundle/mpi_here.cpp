// SPDX-License-Identifier: Apache-2.0
// bin/mpirun and bin/orted of a bundle (scripts/bundle.sh): tells Open MPI, which has Debian's
// folders compiled in, where the bundle lies now, and becomes libexec/mpirun or libexec/orted.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

bool is_on_path(const char* program) {
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "";
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string candidate = folders.substr(begin, end - begin) + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

int main(int, char** argv) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    std::fprintf(stderr, "sovren bundle: /proc/self/exe cannot be read; is /proc mounted?\n");
    return 78;
  }
  const std::string bundle = self.parent_path().parent_path();
  const auto set = [&](const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);
  };
  set("OPAL_PREFIX", bundle);
  set("OPAL_PKGLIBDIR", bundle + "/lib/openmpi");
  set("OPAL_PKGDATADIR", bundle + "/share/openmpi");
  set("OPAL_SYSCONFDIR", bundle + "/share/openmpi/etc");
  set("PMIX_PKGLIBDIR", bundle + "/lib/pmix");
  set("PMIX_PKGDATADIR", bundle + "/share/pmix");
  set("HWLOC_PLUGINS_PATH",
      bundle + "/lib/hwloc");  // not there; the host's is another build
  setenv("HOME", "/", 0);      // without it and without /etc/passwd, Open MPI 4.1.4 crashes
  // On one node no remote shell is needed, but its absence is an error to Open MPI.
  if (!is_on_path("ssh") && !is_on_path("rsh")) setenv("OMPI_MCA_plm", "isolated", 0);

  const std::string program = bundle + "/libexec/" + self.filename().string();
  execv(program.c_str(), argv);
  std::perror(program.c_str());
  return 78;
}
