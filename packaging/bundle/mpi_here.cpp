// SPDX-License-Identifier: Apache-2.0
// bin/mpirun and bin/orted of a bundle (scripts/bundle.sh): tells Open MPI, which has Debian's
// folders compiled in, where the bundle lies now, and becomes libexec/mpirun or libexec/orted.
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool is_on_path(const char* program) {
  const char* folder = std::getenv("PATH");
  while (folder != nullptr && *folder != '\0') {
    const int length = static_cast<int>(std::strcspn(folder, ":"));
    char candidate[PATH_MAX];
    std::snprintf(candidate, sizeof(candidate), "%.*s/%s", length, folder, program);
    if (access(candidate, X_OK) == 0) return true;
    folder += length + (folder[length] == ':');
  }
  return false;
}

void set_below(const char* variable, const char* bundle, const char* folder) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof(path), "%s%s", bundle, folder);
  setenv(variable, path, 1);
}

}  // namespace

int main(int, char** argv) {
  char bundle[PATH_MAX] = {};
  if (readlink("/proc/self/exe", bundle, sizeof(bundle) - 1) < 0) {
    std::fprintf(stderr, "sovren bundle: /proc/self/exe cannot be read; is /proc mounted?\n");
    return 78;
  }
  char program[PATH_MAX];
  char* slash = std::strrchr(bundle, '/');
  std::snprintf(program, sizeof(program), "/libexec%s", slash);  // "/libexec/mpirun"
  *slash = '\0';
  *std::strrchr(bundle, '/') = '\0';  // .../bin

  set_below("OPAL_PREFIX", bundle, "");
  set_below("OPAL_PKGLIBDIR", bundle, "/lib/openmpi");
  set_below("OPAL_PKGDATADIR", bundle, "/share/openmpi");
  set_below("OPAL_SYSCONFDIR", bundle, "/share/openmpi/etc");
  set_below("PMIX_PKGLIBDIR", bundle, "/lib/pmix");
  set_below("PMIX_PKGDATADIR", bundle, "/share/pmix");
  set_below("HWLOC_PLUGINS_PATH", bundle, "/lib/hwloc");  // not there; the host's is another build
  setenv("HOME", "/", 0);  // without it and without /etc/passwd, Open MPI 4.1.4 crashes
  // On one node no remote shell is needed, but its absence is an error to Open MPI.
  if (!is_on_path("ssh") && !is_on_path("rsh")) setenv("OMPI_MCA_plm", "isolated", 0);

  char path[PATH_MAX];
  if (std::snprintf(path, sizeof(path), "%s%s", bundle, program) < PATH_MAX) execv(path, argv);
  std::perror(path);
  return 78;
}
