// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/launch_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/text/json.h"
#include "workers/agent/unix_socket.h"

namespace sovren::workers {
namespace {

bool send_line(const Handle& socket, const std::string& line) {
  const std::string text = line + "\n";
  return ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == std::ssize(text);
}

std::optional<AssistAsked> read_asked(const std::string& line) {
  const auto json = text::parse_json(line, "request");
  if (!json || !json->is_object()) return std::nullopt;
  const auto node = text::get_string(*json, "node");
  const auto command = text::get_string(*json, "command");
  if (!node || !command) return std::nullopt;
  return AssistAsked{.node = *node, .launch = {}, .command = *command};
}

}  // namespace

Result<LaunchChannel> LaunchChannel::listen(const std::string& path,
                                            const std::optional<Identity>& user) {
  SOVREN_TRY(listener, listen_on(path, user));
  return LaunchChannel(std::move(listener), user ? user->uid : ::geteuid());
}

void LaunchChannel::add_to(std::vector<pollfd>& wanted) const {
  wanted.push_back({listener_.get(), POLLIN, 0});
  for (const Asker& asker : askers_) wanted.push_back({asker.socket.get(), POLLIN, 0});
}

std::vector<AssistAsked> LaunchChannel::serve() {
  for (Handle socket = accept_from(listener_, user_); socket.is_open();
       socket = accept_from(listener_, user_)) {
    askers_.emplace_back().socket = std::move(socket);
    askers_.back().launch = std::to_string(++last_launch_);
  }
  std::vector<AssistAsked> asked;
  std::erase_if(askers_, [&](Asker& asker) { return !receive(asker, asked); });
  return asked;
}

bool LaunchChannel::receive(Asker& asker, std::vector<AssistAsked>& asked) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(asker.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (got == 0) return false;
    std::vector<std::string> lines;
    asker.reader.feed({buffer.data(), static_cast<std::size_t>(got)}, lines);
    for (const std::string& line : lines) {
      auto request = read_asked(line);
      if (!request) return false;
      request->launch = asker.launch;
      asked.push_back(*std::move(request));
    }
  }
}

void LaunchChannel::answer(const AssistEnded& ended) {
  for (auto asker = askers_.begin(); asker != askers_.end(); ++asker) {
    if (asker->launch != ended.launch) continue;
    send_line(asker->socket, text::dump_json({{"exit_code", ended.exit_code}, {"why", ended.why}}));
    askers_.erase(asker);
    return;
  }
}

Result<int> ask_for_launch(const std::string& socket, const std::string& node,
                           const std::string& command) {
  SOVREN_TRY(agent, connect_to(socket));
  if (!send_line(agent, text::dump_json({{"node", node}, {"command", command}})))
    return fail({.code = Code::unreachable, .what = "the agent does not listen", .where = socket});
  LineReader reader(std::size_t{1} << 16);
  std::vector<std::string> lines;
  std::array<char, 4096> buffer;
  while (lines.empty()) {
    const ssize_t got = ::recv(agent.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return fail({.code = Code::unreachable, .what = "the agent is gone", .where = socket});
    reader.feed({buffer.data(), static_cast<std::size_t>(got)}, lines);
  }
  SOVREN_TRY(json, text::parse_json(lines[0], "the agent's answer"));
  SOVREN_TRY(exit_code, text::get_int(json, "exit_code"));
  SOVREN_TRY(why, text::get_string(json, "why"));
  if (!why.empty())
    return fail({.code = Code::refused, .what = "node " + node + " cannot take part: " + why});
  return static_cast<int>(exit_code);
}

}  // namespace sovren::workers
