// SPDX-License-Identifier: Apache-2.0
#include "core/port/state_io.h"

namespace sovren {

std::size_t dtype_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::u8:
      return 1;
    case Dtype::i32:
    case Dtype::f32:
      return 4;
    case Dtype::i64:
    case Dtype::f64:
      return 8;
  }
  SOVREN_CHECK(false, "every Dtype has a size");
}

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::u8:
      return "u8";
    case Dtype::i32:
      return "i32";
    case Dtype::i64:
      return "i64";
    case Dtype::f32:
      return "f32";
    case Dtype::f64:
      return "f64";
  }
  SOVREN_CHECK(false, "every Dtype has a name");
}

}  // namespace sovren
