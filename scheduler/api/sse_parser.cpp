// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/sse_parser.h"

#include <utility>

namespace sovren::api {

void SseParser::feed(std::string_view bytes) {
  buffered_ += bytes;
}

std::optional<ServerEvent> SseParser::next() {
  std::size_t begin = 0;
  std::optional<ServerEvent> whole;
  while (!whole) {
    const std::size_t end = buffered_.find('\n', begin);
    if (end == std::string::npos) break;
    std::string_view line(buffered_.data() + begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    begin = end + 1;
    if (!line.empty()) {
      take_line(line);
    } else if (std::exchange(has_data_, false)) {
      whole =
          ServerEvent{event_.id, std::exchange(event_.event, {}), std::exchange(event_.data, {})};
    } else {
      event_.event.clear();
    }
  }
  buffered_.erase(0, begin);
  return whole;
}

void SseParser::take_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "id") event_.id = value;
  if (field == "event") event_.event = value;
  if (field != "data") return;
  if (std::exchange(has_data_, true)) event_.data += '\n';
  event_.data += value;
}

}  // namespace sovren::api
