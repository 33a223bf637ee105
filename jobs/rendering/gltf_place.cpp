// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_place.h"

namespace sovren::jobs::gltf {

using text::Json;

namespace {

std::string shown(const Json& json) {
  std::string text = text::dump_json(json);
  return text.size() > 40 ? std::string("a long ") + json.type_name() : text;
}

std::optional<float> finite_number(const Json& json) {
  if (!json.is_number()) return std::nullopt;
  const double value = json.get<double>();
  constexpr double largest = std::numeric_limits<float>::max();
  if (!(value >= -largest && value <= largest)) return std::nullopt;
  return static_cast<float>(value);
}

// Some writers print 12 as 12.0, which glTF allows.
std::optional<std::int64_t> whole_number(const Json& json) {
  if (!json.is_number()) return std::nullopt;
  const double value = json.get<double>();
  if (!(value >= -9007199254740992.0 && value <= 9007199254740992.0)) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) != value) return std::nullopt;
  return whole;
}

}  // namespace

tl::unexpected<Error> Place::wrong(const std::string& what, Code code) const {
  return fail({.code = code, .what = pointer_ + ": " + what, .where = *file_});
}

tl::unexpected<Error> Place::wrong_at(const std::string& key, const std::string& what) const {
  return fail(
      {.code = Code::data_invalid, .what = pointer_ + "/" + key + ": " + what, .where = *file_});
}

const Json* Place::find(const char* key) const {
  if (!json_->is_object()) return nullptr;
  const auto found = json_->find(key);
  return found == json_->end() ? nullptr : &*found;
}

Result<float> Place::number(const char* key, float usual, float low, float high) const {
  const Json* json = find(key);
  if (json == nullptr) return usual;
  const auto value = finite_number(*json);
  if (!value) return wrong_at(key, "must be a finite number, not " + shown(*json));
  if (*value < low || *value > high)
    return wrong_at(key, (high == std::numeric_limits<float>::max()
                              ? "must be at least " + shown(low)
                              : "must be from " + shown(low) + " to " + shown(high)) +
                             ", not " + shown(*json));
  return *value;
}

Result<std::int64_t> Place::whole(const char* key, std::int64_t usual, std::int64_t low,
                                  std::int64_t high) const {
  return has(key) ? needed_whole(key, low, high) : usual;
}

Result<std::int64_t> Place::needed_whole(const char* key, std::int64_t low,
                                         std::int64_t high) const {
  const Json* json = find(key);
  if (json == nullptr) return wrong_at(key, "is missing");
  const auto value = whole_number(*json);
  if (!value || *value < low || *value > high)
    return wrong_at(key, "must be a whole number from " + std::to_string(low) + " to " +
                             std::to_string(high) + ", not " + shown(*json));
  return *value;
}

Result<int> Place::index(const char* key, const char* of, std::int64_t count) const {
  return has(key) ? needed_index(key, of, count) : -1;
}

Result<int> Place::needed_index(const char* key, const char* of, std::int64_t count) const {
  const Json* json = find(key);
  if (json == nullptr) return wrong_at(key, "is missing");
  const auto value = whole_number(*json);
  if (!value || *value < 0 || *value >= count)
    return wrong_at(
        key, "must name one of the " + std::to_string(count) + " " + of + ", not " + shown(*json));
  return static_cast<int>(*value);
}

Result<std::vector<int>> Place::indices(const char* key, const char* of, std::int64_t count) const {
  std::vector<int> values;
  const Json* json = find(key);
  if (json == nullptr) return values;
  if (!json->is_array()) return wrong_at(key, "must be an array, not " + shown(*json));
  for (const Json& each : *json) {
    const auto value = whole_number(each);
    if (!value || *value < 0 || *value >= count)
      return wrong_at(
          std::string(key) + "/" + std::to_string(values.size()),
          "must name one of the " + std::to_string(count) + " " + of + ", not " + shown(each));
    values.push_back(static_cast<int>(*value));
  }
  return values;
}

Result<bool> Place::flag(const char* key, bool usual) const {
  const Json* json = find(key);
  if (json == nullptr) return usual;
  if (!json->is_boolean()) return wrong_at(key, "must be true or false, not " + shown(*json));
  return json->get<bool>();
}

Result<const std::string*> Place::text_in_place(const char* key) const {
  const Json* json = find(key);
  if (json == nullptr) return static_cast<const std::string*>(nullptr);
  if (!json->is_string()) return wrong_at(key, "must be a text, not " + shown(*json));
  return json->get_ptr<const std::string*>();
}

Result<std::string> Place::text(const char* key, const std::string& usual) const {
  SOVREN_TRY(text, text_in_place(key));
  return text == nullptr ? usual : *text;
}

Result<std::vector<float>> Place::numbers(const char* key) const {
  std::vector<float> values;
  const Json* json = find(key);
  if (json == nullptr) return values;
  if (!json->is_array()) return wrong_at(key, "must be an array, not " + shown(*json));
  values.reserve(json->size());
  for (const Json& each : *json) {
    const auto value = finite_number(each);
    if (!value)
      return wrong_at(std::string(key) + "/" + std::to_string(values.size()),
                      "must be a finite number, not " + shown(each));
    values.push_back(*value);
  }
  return values;
}

Result<std::optional<Place>> Place::object(const char* key) const {
  const Json* json = find(key);
  if (json == nullptr) return std::optional<Place>();
  if (!json->is_object()) return wrong_at(key, "must be an object, not " + shown(*json));
  return std::optional<Place>(child(key, *json));
}

Result<Place> Place::needed_object(const char* key) const {
  SOVREN_TRY(place, object(key));
  if (!place) return wrong_at(key, "is missing");
  return *std::move(place);
}

Result<std::vector<Place>> Place::objects(const char* key) const {
  std::vector<Place> places;
  const Json* json = find(key);
  if (json == nullptr) return places;
  if (!json->is_array()) return wrong_at(key, "must be an array, not " + shown(*json));
  for (const Json& each : *json) {
    const std::string name = std::string(key) + "/" + std::to_string(places.size());
    if (!each.is_object()) return wrong_at(name, "must be an object, not " + shown(each));
    places.push_back(child(name, each));
  }
  return places;
}

Result<std::vector<std::string>> Place::texts(const char* key) const {
  std::vector<std::string> values;
  const Json* json = find(key);
  if (json == nullptr) return values;
  if (!json->is_array()) return wrong_at(key, "must be an array, not " + shown(*json));
  for (const Json& each : *json) {
    if (!each.is_string())
      return wrong_at(std::string(key) + "/" + std::to_string(values.size()),
                      "must be a text, not " + shown(each));
    values.push_back(each.get<std::string>());
  }
  return values;
}

Result<std::optional<Place>> Place::extension(const char* name) const {
  SOVREN_TRY(extensions, object("extensions"));
  if (!extensions) return std::optional<Place>();
  return extensions->object(name);
}

std::vector<std::string> Place::keys() const {
  std::vector<std::string> names;
  if (json_->is_object())
    for (const auto& [key, value] : json_->items()) names.push_back(key);
  return names;
}

}  // namespace sovren::jobs::gltf
