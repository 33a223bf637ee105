# Debian 12 packages, named by scripts/install-deps.sh; nothing is fetched. Each is used in the one folder named here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)   # cli; scheduler/api: headers of asio and beast
find_package(SQLite3 3.40 REQUIRED)                            # storage/log
find_package(ZLIB REQUIRED)                                      # scheduler/sim: gzipped traces
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto SSL)         # core/text: SHA-256; scheduler/api: TLS; storage/checkpoint: AES
find_package(MPI REQUIRED COMPONENTS C)                        # workers/comm
find_package(spdlog REQUIRED)                                  # cli, workers
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)         # workers/launch
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)   # storage/checkpoint, jobs: readers and result files
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)         # jobs/rendering
pkg_check_modules(OPENEXR REQUIRED IMPORTED_TARGET OpenEXR)      # jobs/rendering
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)           # jobs/rendering
pkg_check_modules(PUGIXML REQUIRED IMPORTED_TARGET pugixml)      # jobs/rendering
find_library(SOVREN_OPENBLAS NAMES libopenblas.a openblas PATH_SUFFIXES openblas-serial REQUIRED)          # kernels/linalg
find_path(SOVREN_OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas-serial x86_64-linux-gnu/openblas-serial REQUIRED)
if(SOVREN_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SOVREN_BENCH)
  find_package(benchmark REQUIRED)
endif()

# The CUDA backend is built where a toolkit is; nvcc is looked for on PATH and in its usual folder.
set(SOVREN_HAS_CUDA OFF)
if(NOT SOVREN_CUDA STREQUAL "OFF")
  find_program(SOVREN_NVCC nvcc HINTS /usr/local/cuda/bin)
  if(SOVREN_NVCC)
    set(CMAKE_CUDA_COMPILER ${SOVREN_NVCC})
    set(CMAKE_CUDA_ARCHITECTURES ${SOVREN_CUDA_ARCHITECTURES})
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)   # Debian 12's CMake 3.25 does not know it for nvcc
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    # Device code is a quarter as large, for bundles; toolkits before 12.9 cannot.
    include(CheckCompilerFlag)
    check_compiler_flag(CUDA --compress-mode=size SOVREN_NVCC_COMPRESSES)
    if(SOVREN_NVCC_COMPRESSES)
      string(APPEND CMAKE_CUDA_FLAGS " --compress-mode=size")
    endif()
    find_package(CUDAToolkit REQUIRED)
    set(SOVREN_HAS_CUDA ON)
  elseif(SOVREN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "SOVREN_CUDA=ON, but no nvcc is on PATH or in /usr/local/cuda/bin")
  endif()
endif()
message(STATUS "CUDA backend: ${SOVREN_HAS_CUDA}")
