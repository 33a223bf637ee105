// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/wishes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/check.h"
#include "core/text/custom_fields.h"
#include "core/text/toml_tree.h"
#include "core/text/utf8.h"
#include "slurm/script/sbatch_time.h"
#include "slurm/script/sbatch_values.h"

namespace sovren::slurm {
namespace {

using Effect = SbatchOption::Effect;
using Per = MemoryWish::Per;

constexpr std::int64_t priority_max = 1'000'000;
constexpr std::int64_t default_nice = 100;
constexpr std::int64_t minutes_max = std::int64_t{3650} * 24 * 60;
constexpr std::int64_t running_max = 100'000;
constexpr std::size_t name_bytes_max = 100;
constexpr std::array<std::string_view, 9> catchable{"USR1", "USR2", "TERM", "INT", "HUP",
                                                    "QUIT", "CONT", "ALRM", "URG"};

// What no value may be. What --wrap says is a script.
std::string fault_of(const GivenOption& given) {
  if (text::utf8_fault(given.value) != given.value.npos) return "UTF-8";
  return given.option->name == "wrap" ? "" : text::text_fault(given.value);
}

std::string shown(const GivenOption& given) {
  return "--" + std::string(given.option->name);
}

// Reads one option after the other.
class WishReader {
 public:
  WishReader(const WallClock& clock, text::Problems& problems)
      : clock_(clock), problems_(problems) {}

  void read(const GivenOption& given);
  Wishes take() && { return std::move(wishes_); }

 private:
  using Method = void (WishReader::*)(const GivenOption&);
  struct Reader {
    std::string_view option;
    Method method;
  };
  static const std::array<Reader, 53> readers;

  void wrong(const GivenOption& given, std::string_view must_be, std::string hint = {}) {
    problems_.add(given.place,
                  shown(given) + " must be " + std::string(must_be) + ", got '" + given.value + "'",
                  std::move(hint));
  }
  // Says where a value is wrong, or why it is refused.
  void add(const GivenOption& given, const Error& error) {
    problems_.add(given.place, shown(given) + ": " + error.what, error.hint, error.code);
  }
  void put(const GivenOption& given, std::string key, std::string toml) {
    wishes_.keys[std::move(key)] = {std::move(toml), given};
  }
  void put_text(const GivenOption& given, std::string key, std::string_view text) {
    put(given, std::move(key), text::toml_quote(text));
  }
  void warn(const GivenOption& given, std::string text) {
    wishes_.warnings.push_back(shown(given) + ": " + std::move(text));
  }

  // A number of at least 1, into its wish.
  template <Wish<std::int64_t> Wishes::*member>
  void count(const GivenOption& given) {
    const auto value = whole_number(given.value);
    if (!value || *value < 1) return wrong(given, "a whole number of at least 1");
    wishes_.*member = Wished<std::int64_t>{*value, given};
  }
  template <Wish<std::string> Wishes::*member>
  void text_wish(const GivenOption& given) {
    wishes_.*member = Wished<std::string>{given.value, given};
  }
  template <Wish<std::string> Wishes::*member>
  void path(const GivenOption& given) {
    if (given.value.empty()) return wrong(given, "a path");
    constexpr bool is_stream =
        member == &Wishes::input || member == &Wishes::output || member == &Wishes::error;
    const bool is_none = is_stream && given.value == "none";
    wishes_.*member = Wished<std::string>{is_none ? "/dev/null" : given.value, given};
  }
  template <bool ClientOptions::*member>
  void client_flag(const GivenOption&) {
    wishes_.client.*member = true;
  }
  template <Per per>
  void memory(const GivenOption& given) {
    const auto bytes = memory_bytes(given.value);
    if (!bytes)
      return wrong(given, "a whole number of megabytes, or one with K, M, G or T",
                   "write: " + shown(given) + "=4G");
    Wish<MemoryWish>& wish = wishes_.memory;
    if (wish && wish->value.per != per && wish->by.source == given.source)
      return problems_.add(given.place,
                           shown(given) + " and " + shown(wish->by) + " exclude each other",
                           "keep one of them");
    wish = {{per, *bytes}, given};
  }
  template <Wish<GpuWish> Wishes::*member>
  void gpus(const GivenOption& given) {
    auto wish = given.option->name == "gres" ? gpus_of_gres(given.value) : gpu_count(given.value);
    if (!wish) return add(given, wish.error());
    wishes_.*member = {*std::move(wish), given};
  }

  void account(const GivenOption& given) { word(given, "account", given.value); }
  void qos(const GivenOption& given) { word(given, "qos", given.value); }
  void partition(const GivenOption& given) {
    const std::string first = given.value.substr(0, given.value.find(','));
    if (first.size() < given.value.size())
      warn(given, "a job is in one partition; the first, " + first + ", is taken");
    word(given, "partition", first);
  }
  void word(const GivenOption& given, std::string key, const std::string& value) {
    const std::string fault = value.empty() ? "a name" : text::word_fault(value);
    if (!fault.empty()) return wrong(given, fault);
    put_text(given, std::move(key), value);
  }
  void comment(const GivenOption& given) { put_text(given, "comment", given.value); }
  void job_name(const GivenOption& given) {
    std::string name = given.value.substr(0, name_bytes_max);
    while (!name.empty() && (name.back() & 0xC0) == 0x80 && name.size() < given.value.size())
      name.pop_back();
    const auto is_bad = [](char c) { return c == '/' || c == '\\' || c == '\n' || c == '\t'; };
    std::ranges::replace_if(name, is_bad, '_');
    if (name.empty()) return wrong(given, "a name");
    if (name.front() == '.' || name.front() == '-') name.front() = '_';
    if (name != given.value) warn(given, "the job is named " + name);
    put_text(given, "name", name);
  }

  void nodes(const GivenOption& given) {
    const auto range = node_range(given.value);
    if (!range) return wrong(given, "a number of nodes, or least-most", "write: --nodes=2");
    wishes_.nodes = {*range, given};
  }
  void exclusive(const GivenOption& given) {
    if (!given.value.empty() && given.value != "user" && given.value != "mcs")
      return wrong(given, "without a value, or user or mcs");
    put(given, "resources.exclusive", "true");
  }
  void whole_nodes(const GivenOption& given) {
    if (!whole_number(given.value)) return wrong(given, "a whole number");
    put(given, "resources.exclusive", "true");
  }
  void overcommit(const GivenOption& given) { put(given, "resources.oversubscribe", "\"yes\""); }
  void time(const GivenOption& given) {
    const auto minutes = limit_minutes(given.value);
    if (!minutes)
      return wrong(given,
                   "minutes, minutes:seconds, hours:minutes:seconds, days-hours, "
                   "days-hours:minutes[:seconds] or UNLIMITED",
                   "write: --time=90 for an hour and a half");
    if (*minutes > minutes_max) return wrong(given, "at most 3650 days, or UNLIMITED");
    put(given, "resources.time_limit",
        *minutes == 0 ? "\"none\"" : "\"" + std::to_string(*minutes) + "min\"");
  }

  void begin(const GivenOption& given) { put_moment(given, "begin"); }
  void deadline(const GivenOption& given) { put_moment(given, "deadline"); }
  void put_moment(const GivenOption& given, std::string key) {
    const auto at = moment(given.value, clock_);
    if (!at)
      return wrong(given, "a time such as 16:00, now+1hour, tomorrow or 2027-01-20T12:34",
                   "units are seconds, minutes, hours, days, weeks");
    put_text(given, std::move(key), format_utc(*at));
  }
  void array(const GivenOption& given) {
    const auto wish = array_indices(given.value);
    if (!wish) return wrong(given, wish.error().what, wish.error().hint);
    put_text(given, "array.task", wish->axis);
    put(given, "array_max_running", std::to_string(std::min(wish->running_max, running_max)));
  }
  void dependencies(const GivenOption& given) {
    const auto after = dependency(given.value);
    if (!after) return add(given, after.error());
    put_text(given, "after", *after);
  }
  void constraint(const GivenOption& given) {
    const auto labels = labels_of_constraint(given.value);
    if (!labels) return add(given, labels.error());
    wishes_.labels.clear();
    for (const auto& [name, value] : *labels) wishes_.labels[name] = {value, given};
  }

  void hold(const GivenOption&) { wishes_.is_held = true; }
  void requeue(const GivenOption& given) { put(given, "retry.requeue", "true"); }
  void no_requeue(const GivenOption& given) { put(given, "retry.requeue", "false"); }
  void priority(const GivenOption& given) {
    const bool is_top = given.value == "TOP" || given.value == "top";
    const auto value = is_top ? priority_max : whole_number(given.value);
    if (!value) return wrong(given, "a whole number, or TOP");
    if (*value > priority_max) warn(given, "the highest here is " + std::to_string(priority_max));
    wishes_.priority = {std::min(*value, priority_max), given};
  }
  void nice(const GivenOption& given) {
    const bool is_negative = given.value.starts_with('-');
    const auto value =
        given.value.empty() ? default_nice : whole_number(given.value.substr(is_negative ? 1 : 0));
    if (!value) return wrong(given, "a whole number");
    const std::int64_t bounded = std::min(*value, priority_max);
    wishes_.nice = {is_negative ? -bounded : bounded, given};
  }
  void signal(const GivenOption& given) {
    const auto wish = signal_wish(given.value);
    if (!wish) return wrong(given, "[B:]signal[@seconds]", "write: --signal=B:USR1@60");
    if (std::ranges::find(catchable, wish->name) == catchable.end())
      return problems_.add(given.place,
                           "--signal: " + wish->name + " is not sent before a time limit here",
                           "USR1 and USR2 are meant for that", Code::refused);
    put_text(given, "command.checkpoint_signal", wish->name);
    put_text(given, "command.signal_to", wish->is_for_script ? "script" : "steps");
    put_text(given, "command.signal_lead", std::to_string(wish->lead_s) + "s");
    put_text(given, "checkpoint.interval", "off");
  }
  void open_mode(const GivenOption& given) {
    const bool is_append = given.value == "append" || given.value == "a";
    if (!is_append && given.value != "truncate" && given.value != "t")
      return wrong(given, "append or truncate");
    put_text(given, "command.open_mode", is_append ? "append" : "truncate");
  }

  void verbose(const GivenOption&) { ++wishes_.client.verbosity; }
  void wrap(const GivenOption& given) {
    if (given.source != GivenOption::Source::command_line)
      problems_.add(given.place, "--wrap is for the command line of sbatch");
  }
  void nothing(const GivenOption&) {}

  const WallClock& clock_;
  text::Problems& problems_;
  Wishes wishes_;
};

const std::array<WishReader::Reader, 53> WishReader::readers{{
    {"account", &WishReader::account},
    {"array", &WishReader::array},
    {"begin", &WishReader::begin},
    {"chdir", &WishReader::path<&Wishes::folder>},
    {"comment", &WishReader::comment},
    {"constraint", &WishReader::constraint},
    {"core-spec", &WishReader::whole_nodes},
    {"cpus-per-gpu", &WishReader::count<&Wishes::cpus_per_gpu>},
    {"cpus-per-task", &WishReader::count<&Wishes::cpus_per_task>},
    {"deadline", &WishReader::deadline},
    {"dependency", &WishReader::dependencies},
    {"error", &WishReader::path<&Wishes::error>},
    {"exclusive", &WishReader::exclusive},
    {"export", &WishReader::text_wish<&Wishes::exported>},
    {"export-file", &WishReader::path<&Wishes::export_file>},
    {"gpus", &WishReader::gpus<&Wishes::gpus>},
    {"gpus-per-node", &WishReader::gpus<&Wishes::gpus_per_node>},
    {"gpus-per-task", &WishReader::gpus<&Wishes::gpus_per_task>},
    {"gres", &WishReader::gpus<&Wishes::gpus_per_node>},
    {"help", &WishReader::nothing},
    {"hold", &WishReader::hold},
    {"ignore-pbs", &WishReader::nothing},
    {"input", &WishReader::path<&Wishes::input>},
    {"job-name", &WishReader::job_name},
    {"mem", &WishReader::memory<Per::node>},
    {"mem-per-cpu", &WishReader::memory<Per::cpu>},
    {"mem-per-gpu", &WishReader::memory<Per::gpu>},
    {"nice", &WishReader::nice},
    {"no-requeue", &WishReader::no_requeue},
    {"nodes", &WishReader::nodes},
    {"ntasks", &WishReader::count<&Wishes::ntasks>},
    {"ntasks-per-gpu", &WishReader::count<&Wishes::ntasks_per_gpu>},
    {"ntasks-per-node", &WishReader::count<&Wishes::ntasks_per_node>},
    {"ntasks-per-tres", &WishReader::count<&Wishes::ntasks_per_gpu>},
    {"open-mode", &WishReader::open_mode},
    {"output", &WishReader::path<&Wishes::output>},
    {"overcommit", &WishReader::overcommit},
    {"parsable", &WishReader::client_flag<&ClientOptions::is_parsable>},
    {"partition", &WishReader::partition},
    {"priority", &WishReader::priority},
    {"qos", &WishReader::qos},
    {"quiet", &WishReader::client_flag<&ClientOptions::is_quiet>},
    {"requeue", &WishReader::requeue},
    {"signal", &WishReader::signal},
    {"tasks-per-node", &WishReader::count<&Wishes::ntasks_per_node>},
    {"test-only", &WishReader::client_flag<&ClientOptions::is_test_only>},
    {"thread-spec", &WishReader::whole_nodes},
    {"time", &WishReader::time},
    {"usage", &WishReader::nothing},
    {"verbose", &WishReader::verbose},
    {"version", &WishReader::nothing},
    {"wait", &WishReader::client_flag<&ClientOptions::waits>},
    {"wrap", &WishReader::wrap},
}};

void WishReader::read(const GivenOption& given) {
  const SbatchOption& option = *given.option;
  if (option.effect == Effect::refused)
    return problems_.add(given.place, "--" + std::string(option.name) + " is refused",
                         std::string(option.note), Code::refused);
  if (option.effect == Effect::unused) {
    const auto is_same = [&](const GivenOption& each) { return each.option == given.option; };
    if (std::ranges::none_of(wishes_.unused, is_same)) wishes_.unused.push_back(given);
    return;
  }
  if (const std::string fault = fault_of(given); !fault.empty())
    return problems_.add(given.place, shown(given) + " must be " + fault);
  const auto reader = std::ranges::find(readers, option.name, &Reader::option);
  SOVREN_CHECK(reader != readers.end(), "each option that means something has a reader");
  (this->*reader->method)(given);
}

}  // namespace

Wishes read_wishes(std::span<const GivenOption> options, const WallClock& clock,
                   text::Problems& problems) {
  WishReader reader(clock, problems);
  for (const GivenOption& given : options) reader.read(given);
  return std::move(reader).take();
}

}  // namespace sovren::slurm
