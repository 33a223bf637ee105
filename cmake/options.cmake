# What a build of Sovren can be told, and the flags that all targets share.
option(SOVREN_TESTS "Build the tests" ON)
option(SOVREN_BENCH "Build the benchmarks" ON)
option(SOVREN_FUZZ "Build the fuzzers (clang)" OFF)
set(SOVREN_CUDA "auto" CACHE STRING "CUDA backend: auto (when a toolkit is found), ON, OFF")
set(SOVREN_CUDA_ARCHITECTURES "90" CACHE STRING "CUDA architectures")
set(SOVREN_SANITIZE "" CACHE STRING "-fsanitize= list: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(SOVREN_CCACHE ccache)
if(SOVREN_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SOVREN_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${SOVREN_CCACHE})
endif()

# Warnings are errors on our own targets only.
add_library(sovren_flags INTERFACE)
target_include_directories(sovren_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(sovren_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wno-missing-field-initializers;-Werror>
  # Optimizing, GCC 12 sees overlaps in "text" + std::string that are not there (GCC bug 105651), and
  # empty optionals inside variants and expected read (105562); clang, clang-tidy and the sanitizers look for real ones.
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-restrict;-Wno-maybe-uninitialized>
  # libstdc++ 12's own stable_sort uses what C++17 deprecates, which clang does not overlook.
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-deprecated-declarations;-Wno-missing-designated-field-initializers>)
target_link_options(sovren_flags INTERFACE -Wl,--as-needed)
if(SOVREN_SANITIZE)
  target_compile_options(sovren_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${SOVREN_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>)
  target_link_options(sovren_flags INTERFACE -fsanitize=${SOVREN_SANITIZE})
endif()

# sovren_library(NAME SOURCES ... LINKS ... PRIVATE ...): one folder's code. LINKS: other folders, as DESIGN 2 allows;
# PRIVATE: third-party libraries, which stay in this folder's .cpp files.
function(sovren_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE sovren_flags ${arg_PRIVATE})
endfunction()

# sovren_test(NAME SOURCES ... LINKS ... LABELS ...): one GoogleTest program per tested folder.
function(sovren_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sovren_flags ${arg_LINKS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "SOVREN_BIN=${CMAKE_BINARY_DIR}/bin;SOVREN_SOURCE=${PROJECT_SOURCE_DIR}")
endfunction()
