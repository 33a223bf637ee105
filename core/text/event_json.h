// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/event.h"

namespace sovren::text {

/// An event as one line of JSON: {"v":1,"event":"job_submitted","at":<ms>,"seq":7,...}. A job's
/// spec stands in it as its resolved TOML text. The form that is stored: fields are added with a
/// default, none is renamed or removed.
std::string event_to_json(const Event& event);

/// Unknown fields are ignored, and what a spec holds against rules that came after it. Errors:
/// storage_corrupt: no JSON, a newer version, an unknown event, or a field that is missing or of
/// another type.
Result<Event> event_from_json(std::string_view line);

}  // namespace sovren::text
