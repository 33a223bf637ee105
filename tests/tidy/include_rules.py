# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: DESIGN 2's table, as docs/adr/0001 amends it. Pure functions."""

# folder -> what it may include besides itself. The longest matching folder decides.
ALLOWED = {
    "core/base": [],
    "core/model": ["core/base"],
    "core/port": ["core/base", "core/model"],
    "core/text": ["core/base", "core/model", "core/port"],
    "kernels": ["core"],
    "storage/file": ["core"],
    "storage": ["core", "storage/file"],
    "slurm": ["core"],
    "workers/comm": ["core"],
    "workers/launch": ["core"],
    "workers/agent": ["core", "workers/launch"],
    "workers/rank": [
        "core", "kernels", "jobs", "storage/checkpoint", "storage/file", "workers/comm",
    ],
    "scheduler/policy": ["core"],
    "scheduler/engine": ["core", "scheduler/policy"],
    "scheduler/api": ["core", "scheduler/policy", "scheduler/engine", "storage/checkpoint"],
    "scheduler/sim": ["core", "scheduler/policy", "scheduler/engine"],
    "jobs": ["core", "kernels"],
    "cli": ["core", "scheduler", "storage", "slurm", "workers/agent", "workers/launch"],
}
# Below these, one second-level folder may include its siblings: they are one layer.
ONE_LAYER = ("kernels", "jobs", "cli")

# third-party header -> folders that may include it: their .cpp and .cu files, and headers that only
# those include
OWNERS = {
    "boost/": ["cli", "scheduler/api"],
    "cblas.h": ["kernels"],
    "cub/": ["kernels"],
    "cublas": ["kernels"],
    "cuda": ["kernels", "workers/comm"],
    "cusolver": ["kernels"],
    "fmt/": ["cli", "workers"],
    "H5": ["storage/checkpoint", "jobs"],
    "hdf5": ["storage/checkpoint", "jobs"],
    "hwloc": ["workers/launch"],
    "lapack": ["kernels"],
    "mpi.h": ["workers/comm"],
    "nccl.h": ["workers/comm"],
    "nvml.h": ["workers/launch"],
    "openssl/": ["core/text", "scheduler/api", "storage/checkpoint"],
    "spdlog/": ["cli", "workers"],
    "embree3/": ["kernels/trace"],
    "Imf": ["jobs/rendering"],
    "Imath": ["jobs/rendering"],
    "jerror.h": ["jobs/rendering"],
    "jpeglib.h": ["jobs/rendering"],
    "OpenEXR/": ["jobs/rendering"],
    "png.h": ["jobs/rendering"],
    "pugixml.hpp": ["jobs/rendering"],
    "sqlite3.h": ["storage/log"],
    "toml++/": ["core/text"],
    "toml.hpp": ["core/text"],
    "zlib.h": ["scheduler/sim"],
}
# The three that may be seen in a header, and where.
IN_HEADERS = {
    "tl/expected.hpp": ["core/base/result.h"],
    "nlohmann/json.hpp": ["core/text/json.h"],
    "cuda_runtime_api.h": ["kernels/device/"],
}
# Brings nlohmann/json with it.
CPP_ONLY = [
    "core/text/json.h", "core/text/json_fields.h", "core/text/model_fields.h",
    "core/text/report_value.h", "core/text/text_fields.h",
    "jobs/rendering/gltf_accessor.h", "jobs/rendering/gltf_attribute.h",
    "jobs/rendering/gltf_buffer.h", "jobs/rendering/gltf_document.h",
    "jobs/rendering/gltf_material_json.h", "jobs/rendering/gltf_place.h",
    "jobs/causal/what_if_json.h", "scheduler/api/pool_view.h", "scheduler/api/views.h",
    "cli/batch_submission.h", "cli/client.h", "cli/listing.h", "cli/rank_request.h", "cli/site_history.h",
    "cli/site_view.h", "cli/slurm_queue.h", "cli/slurm_site.h", "cli/sinfo_fields.h", "cli/scontrol_texts.h",
]

STANDARD = set(
    """algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts
    condition_variable coroutine deque exception execution filesystem forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch
    limits list locale map memory memory_resource mutex new numbers numeric optional ostream
    queue random ranges ratio regex scoped_allocator semaphore set shared_mutex
    source_location span sstream stack stdexcept stop_token streambuf string string_view
    system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set
    utility valarray variant vector version cassert cctype cerrno cfenv cfloat cinttypes
    climits clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring
    ctime cuchar cwchar cwctype""".split()
)
SYSTEM = set(
    """dirent.h dlfcn.h errno.h fcntl.h ftw.h getopt.h grp.h netdb.h poll.h pthread.h pwd.h sched.h signal.h strings.h
    spawn.h stddef.h stdint.h stdlib.h syslog.h termios.h time.h ucontext.h unistd.h utime.h
    immintrin.h emmintrin.h nmmintrin.h smmintrin.h tmmintrin.h wmmintrin.h cpuid.h
    x86intrin.h execinfo.h glob.h fnmatch.h""".split()
)
SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "linux/", "net/", "asm/")


def owner_folder(path):
    """The folder of the table that a source file belongs to; None if it is in none."""
    fits = [f for f in ALLOWED if path == f or path.startswith(f + "/")]
    return max(fits, key=len) if fits else None


def under(path, folders):
    return any(path == f or path.startswith(f.rstrip("/") + "/") for f in folders)


def check_project_include(source, target):
    """What is wrong when `source` includes the project's header `target`; None if nothing."""
    folder = owner_folder(source)
    if folder is None:
        return f"{source.rsplit('/', 1)[0]} is in no row of the table (tests/tidy/include_rules.py)"
    if target in CPP_ONLY and source.endswith(".h") and source not in CPP_ONLY:
        return f"{target} may be included by .cpp files only"
    own = source.rsplit("/", 1)[0]
    if under(target, [own]) or (folder in ONE_LAYER and under(target, [folder])):
        return None
    if under(target, ALLOWED[folder]):
        return None
    return f"{folder} may not include {target}"


def check_foreign_include(source, header):
    """What is wrong when `source` includes <header>; None if nothing."""
    if header in STANDARD or header in SYSTEM or header.startswith(SYSTEM_FOLDERS):
        return None
    if header in IN_HEADERS and source.startswith(tuple(IN_HEADERS[header])):
        return None
    owners = [OWNERS[prefix] for prefix in OWNERS if header.startswith(prefix)]
    if not owners:
        return f"<{header}> belongs to no library that this project uses"
    if not any(under(source, folders) for folders in owners):
        return f"<{header}> stays in {' and '.join(owners[0])}"
    return None


def is_private(text_includes):
    """Does a header with these includes show a third party's types? Then it is its folder's own."""
    return any(
        kind == "angle" and header not in IN_HEADERS and header.startswith(tuple(OWNERS))
        for _, kind, header in text_includes
    )


def check_private_include(source, target, private):
    """What is wrong when `source` includes `target`, given the set of private headers."""
    if target not in private:
        return None
    if source.rsplit("/", 1)[0] != target.rsplit("/", 1)[0]:
        return f"{target} shows a third party's types: only .cpp files beside it may include it"
    if source.endswith(".h") and source not in private:
        return f"{target} would show a third party's types to all who include {source}"
    return None
