// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sovren::jobs {

/// Looks for the first thing in a text of tags that is not well-formed: tags that do not nest,
/// attributes without quotes, characters that had to be escaped. XML, or HTML written as strictly
/// but for its empty elements and the raw text of style and script. For tests.
class MarkupCheck {
 public:
  explicit MarkupCheck(std::string_view text) : text_(text) {}

  /// Empty: well-formed.
  std::string fault() {
    if (text_.starts_with("<?xml")) at_ = text_.find("?>") + 2;
    if (text_.starts_with("<!doctype html>")) at_ = text_.find('>') + 1;
    while (at_ < text_.size() && fault_.empty()) {
      if (text_[at_] == '<')
        tag();
      else
        character();
    }
    if (fault_.empty() && !open_.empty()) fault_ = open_.back() + " is not closed";
    if (fault_.empty()) return "";
    const std::size_t from = at_ < 40 ? 0 : at_ - 40;
    return fault_ + " near: " + std::string(text_.substr(from, 120));
  }

 private:
  void character() {
    if (text_[at_] == '>') fault_ = "a bare >";
    if (text_[at_] == '&') return entity();
    ++at_;
  }
  void entity() {
    const std::size_t end = text_.find(';', at_);
    const std::string_view name = text_.substr(at_, end == text_.npos ? 1 : end + 1 - at_);
    static const std::set<std::string_view> known = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    if (!known.contains(name)) fault_ = "an entity that is none";
    at_ += name.size();
  }
  std::string word() {
    const std::size_t from = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-' ||
            text_[at_] == ':' || text_[at_] == '_' || text_[at_] == '.'))
      ++at_;
    return std::string(text_.substr(from, at_ - from));
  }
  void spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void tag() {
    ++at_;
    if (take('/')) {
      const std::string name = word();
      if (open_.empty() || open_.back() != name) fault_ = "</" + name + "> closes nothing";
      if (!open_.empty()) open_.pop_back();
      if (!take('>')) fault_ = "a bad end tag";
      return;
    }
    const std::string name = word();
    if (name.empty()) fault_ = "a bare <";
    std::set<std::string> attributes;
    while (fault_.empty() && at_ < text_.size()) {
      spaces();
      if (take('>')) return opened(name);
      if (take('/')) {
        if (!take('>')) fault_ = "a bare /";
        return;
      }
      if (!attributes.insert(attribute()).second) fault_ = "an attribute twice";
    }
  }
  std::string attribute() {
    const std::string name = word();
    if (name.empty()) fault_ = "an attribute without a name";
    if (!take('=')) return name;  // HTML: true
    if (!take('"')) fault_ = "an attribute without quotes";
    while (fault_.empty() && at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '<') fault_ = "a bare < in an attribute";
      if (text_[at_] == '&')
        entity();
      else
        ++at_;
    }
    if (!take('"')) fault_ = "an attribute that does not end";
    return name;
  }
  void opened(const std::string& name) {
    static const std::set<std::string> empty = {"meta", "br", "input", "hr"};
    if (empty.contains(name)) return;
    if (name == "style" || name == "script") {
      at_ = std::min(text_.find("</" + name + ">", at_), text_.size());
      if (at_ == text_.size()) fault_ = name + " is not closed";
    }
    open_.push_back(name);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string fault_;
};

inline std::string markup_fault(std::string_view text) {
  return MarkupCheck(text).fault();
}

inline int occurrences(std::string_view text, std::string_view what) {
  int count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace sovren::jobs
