// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheduler/api/http_client.h"

namespace sovren::api {

/// Bytes of an event stream -> events (WHATWG HTML, 9.2.6). Comments and unknown fields are
/// passed over.
class SseParser {
 public:
  void feed(std::string_view bytes);
  /// The next whole event, if there is one.
  std::optional<ServerEvent> next();

 private:
  void take_line(std::string_view line);

  std::string buffered_;
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace sovren::api
