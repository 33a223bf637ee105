// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_text/random_spec.h"

#include <algorithm>
#include <array>
#include <limits>

namespace sovren::testing_text {
namespace {

constexpr std::array<std::string_view, 18> pieces{"a", "Z",    "0", " ",   "\"", "\\",
                                                  "'", "#",    "=", "\n",  "\t", "[",
                                                  "é", "日本", "𝄞", "$${", "{",  "}"};

double any_double(Draw& draw) {
  switch (draw.below(4)) {
    case 0:
      return static_cast<double>(draw.between(-1000, 1000));
    case 1:
      return draw.normal() * 1e-300;
    case 2:
      return draw.normal() * 1e300;
    default:
      return draw.normal();
  }
}

double open_unit(Draw& draw) {
  return draw.coin() ? 0.05 : draw.uniform() * 0.999;
}

double duration_s(Draw& draw) {
  switch (draw.below(3)) {
    case 0:
      return static_cast<double>(draw.between(1, 3'000'000));
    case 1:
      return static_cast<double>(draw.between(1000, 90'000)) / 1000.0;
    default:
      return 1 + draw.uniform() * 1e6;
  }
}

std::string path(Draw& draw) {
  std::string text;
  for (std::int64_t i = draw.between(1, 3); i > 0; --i) text += "/" + draw.word();
  return text + (draw.coin() ? " é\".csv" : ".h5");
}

Resources random_resources(Draw& draw) {
  Resources r;
  r.ranks = static_cast<int>(draw.between(1, 100'000));
  r.nodes = static_cast<int>(draw.between(1, std::min(r.ranks, 10'000)));
  if (draw.coin()) r.ranks_min = static_cast<int>(draw.between(1, r.ranks));
  if (draw.coin()) r.ranks_max = static_cast<int>(draw.between(r.ranks, 100'000));
  r.cpus_per_rank = static_cast<int>(draw.between(1, 4096));
  r.gpus_per_rank = static_cast<int>(draw.between(0, 64));
  if (draw.coin()) r.memory_per_rank_bytes = draw.between(1, std::int64_t{1} << 50);
  if (draw.coin()) r.memory_per_rank_bytes = draw.between(1, 1 << 20) << 30;
  r.backend = static_cast<Backend>(draw.below(3));
  if (draw.coin()) r.time_limit_s = duration_s(draw);
  r.oversubscribe = static_cast<Oversubscribe>(draw.below(3));
  r.exclusive = draw.coin();
  return r;
}

CheckpointInterval random_interval(Draw& draw) {
  using Mode = CheckpointInterval::Mode;
  CheckpointInterval interval;
  interval.mode = static_cast<Mode>(draw.below(4));
  if (interval.mode == Mode::seconds) interval.seconds = duration_s(draw);
  if (interval.mode == Mode::steps)
    interval.steps = draw.between(1, std::numeric_limits<std::int64_t>::max() - 1);
  return interval;
}

CheckpointPolicy random_checkpoint(Draw& draw) {
  CheckpointPolicy policy;
  policy.interval = random_interval(draw);
  policy.keep = static_cast<int>(draw.between(1, 1000));
  policy.keep_hourly = static_cast<int>(draw.between(0, 1000));
  if (draw.coin()) {
    policy.best_metric = "val_loss";
    policy.best_is_highest = draw.coin();
  }
  policy.mode = static_cast<CheckpointPolicy::Writing>(draw.below(2));
  policy.when_busy = static_cast<CheckpointPolicy::Busy>(draw.below(2));
  policy.digest = static_cast<CheckpointPolicy::Digest>(draw.below(2));
  if (policy.mode == CheckpointPolicy::Writing::async && draw.coin())
    policy.copy_memory_bytes = draw.between(1, std::int64_t{1} << 50);
  policy.memory_interval = random_interval(draw);
  if (draw.coin()) {
    policy.local_interval = random_interval(draw);
    policy.local_dir = "/" + draw.word();
  }
  if (draw.coin()) policy.key_env = "SOVREN_KEY";
  return policy;
}

std::vector<ArrayAxis> random_array(Draw& draw) {
  std::vector<ArrayAxis> axes;
  for (std::int64_t a = draw.below(3); a > 0; --a) {
    ArrayAxis axis{.name = draw.word() + std::to_string(a), .values = {}};
    const bool is_text = draw.coin();
    std::int64_t number = draw.below(20);
    for (std::int64_t i = draw.between(1, 30); i > 0; --i) {
      axis.values.push_back(is_text ? draw.text() : std::to_string(number));
      number = draw.below(4) == 0 ? draw.below(50) : number + draw.between(1, 2);
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

std::optional<int> maybe(Draw& draw, std::int64_t bound) {
  return draw.coin() ? std::optional(static_cast<int>(draw.below(bound))) : std::nullopt;
}

std::vector<KnownLink> random_known_links(Draw& draw) {
  std::vector<KnownLink> links;
  for (std::int64_t i = draw.below(3); i > 0; --i)
    links.push_back({draw.text(), draw.text(), maybe(draw, 1001)});
  return links;
}

CausalSpec random_causal(Draw& draw) {
  CausalSpec c;
  c.data = path(draw);
  for (std::int64_t i = draw.below(4); i > 0; --i)
    c.variables.push_back(draw.text() + std::to_string(i));
  c.method = static_cast<CausalSpec::Method>(draw.below(3));
  c.test = static_cast<CausalSpec::Test>(draw.below(5));
  c.max_lag = static_cast<int>(draw.between(0, 1000));
  c.min_lag = static_cast<int>(draw.between(0, c.max_lag));
  if (draw.below(3) == 0) {
    c.pc_alpha = {.is_auto = true, .values = {0.05, 0.1, 0.2, 0.3, 0.4, 0.5}};
  } else {
    c.pc_alpha.values.clear();
    for (std::int64_t i = draw.between(0, 5); i > 0; --i)
      c.pc_alpha.values.push_back(open_unit(draw));
  }
  c.alpha = open_unit(draw);
  c.fdr = static_cast<CausalSpec::Fdr>(draw.below(2));
  if (draw.coin()) c.max_conditions = static_cast<int>(draw.below(1000));
  if (draw.coin()) c.max_parents = static_cast<int>(draw.below(1000));
  if (draw.coin()) c.missing = any_double(draw);
  if (draw.coin()) c.mask = path(draw);
  c.mask_type = static_cast<CausalSpec::MaskType>(draw.below(7));
  c.required = random_known_links(draw);
  c.forbidden = random_known_links(draw);
  c.neighbors = open_unit(draw) * (draw.coin() ? 1 : 1000);
  c.shuffles = static_cast<int>(draw.between(1, 1000));
  c.shuffle_neighbors = static_cast<int>(draw.between(1, 1000));
  c.bootstrap = static_cast<int>(draw.below(1000));
  c.bootstrap_block = static_cast<int>(draw.below(1000));
  c.chain_depth = draw.coin();
  for (std::int64_t i = draw.below(3); i > 0; --i)
    c.effects.push_back({draw.text(), draw.text(), static_cast<int>(draw.below(1001))});
  for (std::int64_t i = draw.below(3); i > 0; --i)
    c.interventions.push_back(
        {draw.text(), any_double(draw), maybe(draw, 1000), maybe(draw, 1000)});
  c.horizon = maybe(draw, 1000);
  c.interval_level = open_unit(draw);
  if (draw.coin()) c.truth = path(draw);
  c.seed = static_cast<std::uint64_t>(draw.below(std::numeric_limits<std::int64_t>::max()));
  return c;
}

CommandSpec random_command(Draw& draw) {
  CommandSpec c;
  if (draw.coin()) {
    c.argv.push_back(draw.word());
    for (std::int64_t i = draw.below(4); i > 0; --i) c.argv.push_back(draw.text());
  } else {
    c.script = "#!/bin/sh\n\033[0m${HOME}" + draw.text();
    for (std::int64_t i = draw.below(3); i > 0; --i) c.arguments.push_back(draw.text());
  }
  for (std::int64_t i = draw.below(3); i > 0; --i) c.environment[draw.word()] = draw.text();
  if (draw.coin()) c.checkpoint_signal = draw.coin() ? "USR1" : "TERM";
  if (draw.coin()) c.input = path(draw);
  if (draw.coin()) c.folder = path(draw);
  if (draw.coin()) c.start = CommandSpec::Start::head;
  if (draw.coin()) c.output = path(draw) + "-%j.txt";
  if (draw.coin()) c.error = path(draw);
  if (draw.coin()) c.open_mode = CommandSpec::OpenMode::truncate;
  c.signal_to = static_cast<CommandSpec::SignalTo>(draw.below(3));
  if (draw.coin()) c.signal_lead_s = static_cast<double>(draw.below(65'000));
  return c;
}

std::map<std::string, double> random_metrics(Draw& draw) {
  std::map<std::string, double> metrics;
  for (std::int64_t i = draw.below(4); i > 0; --i) metrics[draw.word()] = any_double(draw);
  return metrics;
}

Error random_error(Draw& draw) {
  Error error{.code = static_cast<Code>(draw.below(static_cast<int>(Code::bug) + 1)),
              .what = draw.text()};
  if (draw.coin()) error.hint = draw.text();
  if (draw.coin()) error.where = draw.text();
  for (std::int64_t i = draw.below(3); i > 0; --i) error.context.push_back(draw.text());
  return error;
}

NodeResources random_node(Draw& draw) {
  NodeResources node{.cpus = static_cast<int>(draw.between(1, 256)),
                     .gpus = static_cast<int>(draw.below(9)),
                     .memory_bytes = draw.below(std::int64_t{1} << 62)};
  for (std::int64_t i = draw.below(3); i > 0; --i) node.labels[draw.text()] = draw.text();
  return node;
}

// Fills a default-made alternative.
struct Filler {
  Draw& draw;

  JobId job() { return {draw.between(1, 1'000'000)}; }
  int attempt() { return static_cast<int>(draw.between(1, 100)); }

  void operator()(NodeJoined& e) { e = {draw.word(), random_node(draw), draw.text()}; }
  void operator()(NodeLeft& e) { e = {draw.word(), draw.text()}; }
  void operator()(JobSubmitted& e) {
    e = {job(), draw.word(), path(draw), draw.word(), {}, job()};
    if (draw.coin())
      e.spec_id = {draw.between(1, 100)};
    else
      e.spec = random_spec(static_cast<std::uint64_t>(draw.below(1 << 30)));
    if (draw.coin()) e.array_job = job();
    if (draw.coin()) e.element = draw.below(100);
    e.is_held = draw.coin();
    if (draw.coin()) e.request_key = draw.text();
    if (draw.coin()) e.request_digest = draw.word();
    if (draw.coin()) e.request_jobs = draw.between(1, 100);
  }
  void operator()(StopRequested& e) {
    e = {job(), static_cast<Request>(draw.below(5)), draw.text()};
  }
  void operator()(AttemptStarted& e) {
    e = {job(), attempt(), draw.word(), static_cast<int>(draw.between(1, 1000)), {}};
    for (std::int64_t i = draw.below(3); i > 0; --i) e.slots.push_back({draw.text(), attempt()});
  }
  void operator()(CheckpointSealed& e) {
    e = {job(),
         attempt(),
         draw.below(1 << 30),
         draw.below(std::int64_t{1} << 40),
         draw.uniform(),
         any_double(draw),
         0,
         0,
         {}};
    if (draw.coin()) e.slowdown_s = draw.normal();
    if (draw.coin()) e.skipped = draw.below(9);
    if (draw.coin()) e.plan = {draw.uniform(), draw.uniform(), draw.uniform()};
  }
  void operator()(CheckpointRestored& e) {
    e = {job(), attempt(), draw.below(1 << 30), draw.uniform()};
  }
  void operator()(CheckpointRejected& e) { e = {job(), attempt(), draw.word(), draw.text()}; }
  void operator()(AttemptEnded& e) {
    e = {job(), attempt(), static_cast<Ending>(draw.below(6)), static_cast<int>(draw.below(256)),
         draw.coin() ? std::optional(random_error(draw)) : std::nullopt};
  }
  void operator()(JobRequeued& e) {
    e = {job(), Instant{draw.below(std::int64_t{1} << 41)}, draw.coin(), draw.text()};
  }
  void operator()(JobEnded& e) {
    e = {job(), static_cast<JobState>(draw.below(11)), draw.text(), draw.word()};
  }
  void operator()(NodeDrained& e) { e = {draw.word(), draw.text(), draw.word()}; }
  void operator()(NodeResumed& e) { e = {draw.word(), draw.word()}; }
  void operator()(SpecAdded& e) {
    e = {SpecId{draw.between(1, 1 << 30)}, random_spec(static_cast<std::uint64_t>(draw.below(99)))};
  }
  void operator()(JobsForgotten& e) { e.jobs = {job(), job()}; }
  void operator()(HalfLifeSet& e) { e.half_life_s = draw.uniform(); }
  AllocationId allocation() { return {draw.between(1, 1000)}; }
  void operator()(AllocationAsked& e) { e = {allocation(), draw.word(), draw.uniform()}; }
  void operator()(AllocationQueued& e) { e = {allocation(), draw.word()}; }
  void operator()(AllocationStarted& e) { e = {allocation(), {draw.below(1'000'000'000)}}; }
  void operator()(AllocationReleased& e) { e = {allocation(), draw.text()}; }
  void operator()(AllocationEnded& e) { e = {allocation(), draw.text()}; }
  void operator()(PoolNoted& e) { e = {draw.word(), draw.text()}; }
  void operator()(NodeForgotten& e) { e = {draw.word()}; }
  void operator()(StateMarked& e) { e.hash = ~static_cast<std::uint64_t>(draw.below(1 << 30)); }

  void operator()(ReportStarted& r) { r = {draw.word(), {draw.text(), draw.text()}, attempt()}; }
  void operator()(ReportProgress& r) {
    r.progress = {draw.below(1 << 30), draw.uniform(), draw.text(),         draw.below(1 << 30),
                  draw.below(2),       draw.word(),    random_metrics(draw)};
  }
  void operator()(ReportSealed& r) {
    r = {draw.below(99), draw.below(1 << 30), draw.uniform(), draw.uniform()};
    if (draw.coin()) r.slowdown_s = draw.normal();
    if (draw.coin()) r.skipped = draw.below(9);
    if (draw.coin()) r.plan = {draw.uniform(), draw.uniform(), draw.uniform()};
  }
  void operator()(ReportRestored& r) { r = {draw.below(99), draw.word(), draw.uniform()}; }
  void operator()(ReportRejected& r) { r = {draw.word(), draw.text()}; }
  void operator()(ReportWarning& r) { r = {draw.text()}; }
  void operator()(ReportFailed& r) { r = {random_error(draw)}; }
  void operator()(ReportPreview& r) { r = {draw.text()}; }
  void operator()(ReportFinished& r) { r = {draw.below(99), draw.word(), random_metrics(draw)}; }
};

// The alternative of a variant with this index, default-made.
template <class Variant, std::size_t index = 0>
Variant alternative_of(std::size_t wanted) {
  if constexpr (index + 1 < std::variant_size_v<Variant>)
    if (wanted != index) return alternative_of<Variant, index + 1>(wanted);
  return Variant(std::in_place_index<index>);
}

}  // namespace

std::string Draw::text() {
  std::string out;
  for (std::int64_t i = between(1, 20); i > 0; --i)
    out += pieces.at(static_cast<std::size_t>(below(std::int64_t{pieces.size()})));
  return out;
}

std::string Draw::word() {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
  std::string out(1, letters[static_cast<std::size_t>(below(26))]);
  for (std::int64_t i = below(12); i > 0; --i)
    out += letters[static_cast<std::size_t>(below(std::int64_t{letters.size()}))];
  return out;
}

JobSpec random_spec(std::uint64_t seed) {
  Draw draw(seed);
  JobSpec spec;
  spec.name = draw.coin() ? draw.word() : draw.word() + " é $${x}";
  if (draw.coin()) spec.partition = draw.word();
  if (draw.coin()) spec.qos = draw.word();
  if (draw.coin()) spec.account = draw.word();
  spec.priority = static_cast<int>(draw.between(-1'000'000, 1'000'000));
  if (draw.coin()) spec.begin = "2026-11-23T15:04:05.5+01:00";
  if (draw.coin()) spec.deadline = "2026-11-24T08:00:00Z";
  if (draw.coin()) spec.after = "ok:12,any:13,failed:1,notok:3,after:4,corr:5,singleton";
  if (draw.coin()) spec.comment = draw.text();
  for (std::int64_t i = draw.below(3); i > 0; --i) spec.labels[draw.word()] = draw.text();
  spec.resources = random_resources(draw);
  spec.checkpoint = random_checkpoint(draw);
  spec.retry = {.limit = static_cast<int>(draw.below(1001)),
                .backoff_s = draw.coin() ? 0 : static_cast<double>(draw.below(2'000'000)) / 1000,
                .requeue = draw.coin()};
  spec.array = random_array(draw);
  if (draw.coin()) spec.array_max_running = static_cast<int>(draw.below(100'001));
  if (draw.below(3) == 0)
    spec.kind = random_command(draw);
  else
    spec.kind = random_causal(draw);
  return spec;
}

Event random_event(std::uint64_t seed, std::size_t alternative) {
  Draw draw(seed);
  Event event{.seq = {draw.between(1, 1 << 30)},
              .at = {draw.between(-1000, std::int64_t{1} << 42)},
              .body = alternative_of<EventBody>(alternative)};
  std::visit(Filler{draw}, event.body);
  return event;
}

RankReport random_report(std::uint64_t seed, std::size_t alternative) {
  Draw draw(seed);
  RankReport report = alternative_of<RankReport>(alternative);
  std::visit(Filler{draw}, report);
  return report;
}

}  // namespace sovren::testing_text
