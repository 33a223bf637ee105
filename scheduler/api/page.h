// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scheduler/api/http_types.h"

namespace sovren::api {

/// The status page at /: jobs and nodes, fetched from the API by the browser. Over TLS it asks for
/// a token with the scope read.
Response status_page();

}  // namespace sovren::api
