// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {

class DaemonLog::Impl {
 public:
  Impl() : is_for_people_(isatty(STDERR_FILENO) == 1), logger_("sovren", sink()) {
    logger_.set_pattern(is_for_people_ ? "%H:%M:%S.%e %^%l%$ %v"
                                       : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                        spdlog::pattern_time_type::utc);
    logger_.flush_on(spdlog::level::trace);
  }

  void write(spdlog::level::level_enum level, std::string_view message, const Facts& facts) {
    logger_.log(level, spdlog::string_view_t(is_for_people_ ? for_people(message, facts)
                                                            : members(message, facts)));
  }

 private:
  static spdlog::sink_ptr sink() {
    if (is_colourful(STDERR_FILENO)) return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  static std::string for_people(std::string_view message, const Facts& facts) {
    std::string text(message);
    for (const auto& [name, value] : facts) text += "  " + name + "=" + value;
    return printable(text);
  }
  // A JSON object without its braces.
  static std::string members(std::string_view message, const Facts& facts) {
    text::Json object = {{"message", std::string(message)}};
    for (const auto& [name, value] : facts) object[name] = value;
    const std::string text = text::dump_json(object);
    return text.substr(1, text.size() - 2);
  }

  const bool is_for_people_;
  spdlog::logger logger_;
};

DaemonLog::DaemonLog() : impl_(std::make_unique<Impl>()) {}
DaemonLog::~DaemonLog() = default;

void DaemonLog::info(std::string_view message, const Facts& facts) {
  impl_->write(spdlog::level::info, message, facts);
}

void DaemonLog::warn(std::string_view message, const Facts& facts) {
  impl_->write(spdlog::level::warn, message, facts);
}

}  // namespace sovren::cli
