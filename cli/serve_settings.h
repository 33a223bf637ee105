// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "core/base/result.h"
#include "core/text/site_file.h"
#include "scheduler/api/http_server.h"
#include "scheduler/engine/config.h"

namespace sovren::cli {

/// All that a daemon is started with.
struct ServeSettings {
  std::string home;  ///< state directory, absolute
  engine::Config engine;
  api::ServerOptions server;
  std::vector<std::string> operators;
  std::string token_file;
};

/// From the command line, else the site file (--config), else defaults. Everybody may connect to
/// root's socket, and only its owner to that of another user, unless the site file says otherwise.
/// Errors   usage; all that is wrong with the file, of which it prints all but the last.
Result<ServeSettings> read_serve_settings(const Arguments& arguments);

/// The same without reading anything. home: absolute.
Result<ServeSettings> serve_settings(const text::ServeConfig& site, const Arguments& arguments,
                                     const std::string& home);

}  // namespace sovren::cli
