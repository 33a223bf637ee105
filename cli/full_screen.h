// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <termios.h>

#include <string>

#include "cli/signals.h"
#include "core/base/result.h"

namespace sovren::cli {

/// A screen of its own on the terminal, that is looked at and drawn again until the user presses q
/// or a signal asks to stop. Keys come one by one and unseen; all is as before when it goes.
class FullScreen {
 public:
  /// Are standard input and output a terminal?
  static bool is_possible();

  FullScreen();
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  /// Draws what fits of the text.
  Result<void> show(const std::string& text);
  /// Until the next look; true: the user wants to go.
  bool pause(double seconds);

 private:
  SignalInbox signals_;
  termios before_{};
};

}  // namespace sovren::cli
