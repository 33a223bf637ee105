// SPDX-License-Identifier: Apache-2.0
#include "cli/full_screen.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>

#include "cli/terminal.h"

namespace sovren::cli {
namespace {

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

}  // namespace

bool FullScreen::is_possible() {
  return isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1;
}

FullScreen::FullScreen() {
  tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  (void)print_text("\x1b[?1049h\x1b[?25l");
}

FullScreen::~FullScreen() {
  (void)print_text("\x1b[?25h\x1b[?1049l");
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

Result<void> FullScreen::show(const std::string& text) {
  SOVREN_DO(print_text(frame(text, terminal_width(STDOUT_FILENO), terminal_height(STDOUT_FILENO))));
  return {};
}

bool FullScreen::pause(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.wake_fd(), POLLIN, 0}};
    if (left <= 0 || ::poll(watched, 2, static_cast<int>(left)) <= 0) return false;
    if (watched[1].revents != 0) return true;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return true;
  }
}

}  // namespace sovren::cli
