// SPDX-License-Identifier: Apache-2.0
// sovren top: nodes and jobs, looked at again every second. q quits; what is no terminal gets one
// look.
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/signals.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

constexpr int look_ms = 1000;

// Keys come one by one and unseen, on a screen of its own; as before when it goes.
class FullScreen {
 public:
  FullScreen() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    (void)print_text("\x1b[?1049h\x1b[?25l");
  }
  ~FullScreen() {
    (void)print_text("\x1b[?25h\x1b[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

 private:
  termios before_{};
};

Result<std::string> look(Client& client, int rows_max) {
  SOVREN_TRY(nodes, client.get("/v1/nodes"));
  std::string text = format_table(node_rows(nodes["nodes"])) + "\n";
  SOVREN_TRY(jobs, jobs_by_state(client, {}, rows_max));
  return text + format_table(job_rows(jobs["jobs"], now()));
}

std::string first_lines(const std::string& text, int lines) {
  std::size_t end = 0;
  for (int i = 0; i < lines && end != std::string::npos; ++i)
    end = text.find('\n', end == 0 ? 0 : end + 1);
  return text.substr(0, end);
}

// Each line ends with "erase to its end", so that the screen does not flicker.
std::string frame(const std::string& text, int width, int height) {
  const std::string lines = clip_lines(first_lines(text, height - 1), width);
  std::string out = "\x1b[H";
  for (const char c : lines) out += c == '\n' ? std::string("\x1b[K\n") : std::string{c};
  return out + "\x1b[K\x1b[J";
}

// Until the next look; true: the user wants to go.
bool pause(const SignalInbox& signals) {
  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {signals.wake_fd(), POLLIN, 0}};
  if (::poll(watched, 2, look_ms) <= 0) return false;
  if (watched[1].revents != 0) return true;
  char key = 0;
  return ::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

}  // namespace

Result<int> show_top(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  if (isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1) {
    SOVREN_TRY(text, look(client, 100));
    return print_text(text);
  }
  SOVREN_TRY(first, look(client, 1));
  const SignalInbox signals;
  const FullScreen screen;
  do {
    const int height = terminal_height(STDOUT_FILENO);
    SOVREN_TRY(text, look(client, height));
    SOVREN_DO(print_text(frame(text, terminal_width(STDOUT_FILENO), height)));
  } while (!pause(signals));
  return exit_done;
}

}  // namespace sovren::cli
