// SPDX-License-Identifier: Apache-2.0
// Each option of sbatch by itself.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/slurm_script/batch_reading.h"

namespace sovren::slurm {
namespace {

using Effect = SbatchOption::Effect;

struct Case {
  std::string_view line;  ///< behind "#SBATCH "
  std::string_view keys;  ///< what it becomes
};

// At least one line for each option that becomes part of the job.
constexpr Case cases[] = {
    {"--account=physics", "account = \"physics\""},
    {"-A physics", "account = \"physics\""},
    {"--array=0-15:4%2",
     "array.task = \"0-12:4\"; array_max_running = 2; command.output = "
     "\"/home/me/slurm-%A_%a.out\""},
    {"--array=7,1-3,2",
     "array.task = \"1-3,7\"; array_max_running = 0; command.output = "
     "\"/home/me/slurm-%A_%a.out\""},
    {"--begin=now+1hour", "begin = \"2026-11-27T04:30:00.000Z\""},
    {"--chdir=runs",
     "command.folder = \"/home/me/runs\"; command.output = \"/home/me/runs/slurm-%j.out\""},
    {"--comment=\"second try\"", "comment = \"second try\""},
    {"--constraint=gpu&disk=ssd", "labels = { disk = \"ssd\", gpu = \"true\" }"},
    {"--core-spec=1", "resources.exclusive = true"},
    {"--gpus=2 --cpus-per-gpu=4", "resources.cpus_per_rank = 8; resources.gpus_per_rank = 2"},
    {"--cpus-per-task=4",
     "command.environment = { SLURM_CPUS_PER_TASK = \"4\" }; resources.cpus_per_rank = 4"},
    {"--deadline=2027-01-20", "deadline = \"2027-01-19T23:00:00.000Z\""},
    {"--dependency=afterok:1:2,singleton", "after = \"ok:1,ok:2,singleton\""},
    {"--dependency=afterany:1,afternotok:2,after:3+0,aftercorr:4,5,afterburstbuffer:6",
     "after = \"any:1,notok:2,after:3,corr:4,any:5,any:6\""},
    {"--error=%j.err", "command.error = \"/home/me/%j.err\""},
    {"--exclusive", "resources.exclusive = true"},
    {"--exclusive=user", "resources.exclusive = true"},
    {"--export=A=1,B", "command.environment = { A = \"1\" }"},
    {"--export-file=vars", "command.environment = { X = \"1\" }"},
    {"--gpus=a100:2", "labels = { gpu_type = \"a100\" }; resources.gpus_per_rank = 2"},
    {"-N2 --gpus-per-node=2",
     "resources.gpus_per_rank = 2; resources.nodes = 2; resources.ranks = 2"},
    {"-n4 --gpus-per-task=1", "resources.gpus_per_rank = 1; resources.ranks = 4"},
    {"--gpus=8 --gpus-per-task=2", "resources.gpus_per_rank = 2; resources.ranks = 4"},
    {"--gpus=8 --gpus-per-node=4",
     "resources.gpus_per_rank = 4; resources.nodes = 2; resources.ranks = 2"},
    {"--gres=gpu", "resources.gpus_per_rank = 1"},
    {"--gres=gpu:a100:2", "labels = { gpu_type = \"a100\" }; resources.gpus_per_rank = 2"},
    {"--gres=gpu:a100", "labels = { gpu_type = \"a100\" }; resources.gpus_per_rank = 1"},
    {"--gres=none", ""},
    {"--hold", ""},
    {"--input=in.txt", "command.stdin = \"/home/me/in.txt\""},
    {"--job-name='a b'", "name = \"a b\""},
    {"--mem=4000", "resources.memory_per_rank = \"4194304000B\""},
    {"-N2 -n5 --mem=6G",
     "resources.memory_per_rank = \"2147483648B\"; resources.nodes = 2; resources.ranks = 5"},
    {"--mem=0", "resources.exclusive = true"},
    {"-c4 --mem-per-cpu=1GB",
     "command.environment = { SLURM_CPUS_PER_TASK = \"4\" }; resources.cpus_per_rank = 4; "
     "resources.memory_per_rank = \"4294967296B\""},
    {"--gpus=2 --mem-per-gpu=512K",
     "resources.gpus_per_rank = 2; resources.memory_per_rank = \"1048576B\""},
    {"--nice", "priority = -100"},
    {"--nice=-3", "priority = 3"},
    {"--no-requeue", "retry.requeue = false"},
    {"--nodes=2-4", "resources.nodes = 2; resources.ranks = 2"},
    {"--ntasks=4", "resources.ranks = 4"},
    {"--gpus=4 --ntasks-per-gpu=1", "resources.gpus_per_rank = 1; resources.ranks = 4"},
    {"--gpus=4 --ntasks-per-tres=1", "resources.gpus_per_rank = 1; resources.ranks = 4"},
    {"-N3 --ntasks-per-node=4",
     "command.environment = { SLURM_NTASKS_PER_NODE = \"4\" }; resources.nodes = 3; "
     "resources.ranks = 12"},
    {"-n8 --tasks-per-node=3",
     "command.environment = { SLURM_NTASKS_PER_NODE = \"3\" }; resources.nodes = 3; "
     "resources.ranks = 8"},
    {"--open-mode=append", "command.open_mode = \"append\""},
    {"--open-mode=t", ""},
    {"--output=/data/%x-%j.log", "command.output = \"/data/%x-%j.log\""},
    {"--output=none", "command.output = \"/dev/null\""},
    {"--overcommit", "resources.oversubscribe = \"yes\""},
    {"--partition=gpu,cpu", "partition = \"gpu\""},
    {"--priority=7 --nice=2", "priority = 5"},
    {"--priority=TOP", "priority = 1000000"},
    {"--qos=high", "qos = \"high\""},
    {"--requeue", "retry.requeue = true"},
    {"--signal=B:USR1@90",
     "checkpoint.interval = \"off\"; command.checkpoint_signal = \"USR1\"; command.signal_lead = "
     "\"90s\"; command.signal_to = \"script\""},
    {"--signal=sigterm",
     "checkpoint.interval = \"off\"; command.checkpoint_signal = \"TERM\"; command.signal_lead = "
     "\"60s\"; command.signal_to = \"steps\""},
    {"--thread-spec=2", "resources.exclusive = true"},
    {"--time=1-2:30", "resources.time_limit = \"1590min\""},
    {"--time=UNLIMITED", "resources.time_limit = \"none\""},
};

BatchSource with_file(const std::string& lines) {
  BatchSource source = source_of(lines);
  source.read_file = [](const std::string& path) -> Result<std::string> {
    EXPECT_EQ(path, "vars");
    return std::string("X=1\0", 4);
  };
  return source;
}

std::string line_of(const Case& each) {
  return "#SBATCH " + std::string(each.line) + "\n";
}

TEST(SbatchOptions, BecomeKeysOfTheJobFile) {
  for (const Case& each : cases)
    EXPECT_EQ(keys_of(with_file(line_of(each))), each.keys) << each.line;
}

TEST(SbatchOptions, AreKeysThatTheSchedulerTakes) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.line);
    spec_of(with_file(line_of(each)));
  }
}

TEST(SbatchOptions, AreAllTested) {
  std::set<std::string_view> tested;
  for (const Case& each : cases) {
    for (const std::string_view name : options_in(line_of(each))) tested.insert(name);
  }
  for (const SbatchOption& option : sbatch_options())
    EXPECT_EQ(tested.contains(option.name), option.effect == Effect::job) << option.name;
}

// A value that the option takes, where it wants one.
std::string line_with(const SbatchOption& option) {
  const bool wants_value = option.argument == SbatchOption::Argument::required;
  return "#SBATCH --" + std::string(option.name) + (wants_value ? "=1" : "") + "\n";
}

TEST(SbatchOptions, WithoutAPartHereAreNamedTogether) {
  std::string lines;
  for (const SbatchOption& option : sbatch_options()) {
    if (option.effect != Effect::unused) continue;
    const BatchSource source = source_of(line_with(option));
    EXPECT_EQ(keys_of(source), "") << option.name;
    EXPECT_EQ(warnings_of(source),
              "an option of sbatch has no part here: --" + std::string(option.name) + "\n");
  }
  EXPECT_EQ(warnings_of(source_of("#SBATCH --mail-type=END --hint=nomultithread\n"
                                  "#SBATCH --mail-user=me --mail-type=FAIL\n")),
            "options of sbatch have no part here: --mail-type, --hint, --mail-user\n");
}

TEST(SbatchOptions, WithoutWhichTheJobWouldDoSomethingElseAreRefused) {
  for (const SbatchOption& option : sbatch_options()) {
    if (option.effect != Effect::refused) continue;
    const auto job = read_batch(source_of(line_with(option)));
    ASSERT_FALSE(job) << option.name;
    ASSERT_EQ(job.error().size(), 1U) << option.name;
    EXPECT_EQ(job.error()[0].code, Code::refused);
    EXPECT_EQ(job.error()[0].where, "job.sh:2:9");
    EXPECT_EQ(job.error()[0].what, "--" + std::string(option.name) + " is refused");
    EXPECT_EQ(job.error()[0].hint, option.note);
  }
}

TEST(SbatchOptions, OfTheClientAreForWhoSubmits) {
  const BatchJob job = job_of(
      source_of("#SBATCH --parsable -Q -vv --wait --test-only --ignore-pbs\n", {"-v", "--help"}));
  EXPECT_EQ(job.client, (ClientOptions{.is_parsable = true,
                                       .is_quiet = true,
                                       .is_test_only = true,
                                       .waits = true,
                                       .verbosity = 3}));
  EXPECT_EQ(keys_of("#SBATCH --parsable -Q\n", {"--version", "--usage"}), "");
  std::set<std::string_view> known{"help",  "ignore-pbs", "parsable", "quiet", "test-only",
                                   "usage", "verbose",    "version",  "wait",  "wrap"};
  for (const SbatchOption& option : sbatch_options())
    EXPECT_EQ(known.contains(option.name), option.effect == Effect::client) << option.name;
}

TEST(SbatchOptions, AreInTheGuide) {
  const char* source = std::getenv("SOVREN_SOURCE");
  ASSERT_NE(source, nullptr) << "SOVREN_SOURCE is the checkout";
  std::ifstream file(std::string(source) + "/docs/guide/slurm.md");
  std::ostringstream guide;
  guide << file.rdbuf();
  EXPECT_NE(guide.str().find(sbatch_options_table()), std::string::npos)
      << "write the table anew:\n"
      << sbatch_options_table();
}

TEST(SbatchOptions, HoldsAJob) {
  EXPECT_FALSE(job_of(source_of("")).is_held);
  EXPECT_TRUE(job_of(source_of("#SBATCH -H\n")).is_held);
  EXPECT_TRUE(job_of(source_of("#SBATCH --priority=0\n")).is_held);
  EXPECT_FALSE(job_of(source_of("#SBATCH --priority=0\n", {"--priority=5"})).is_held);
}

TEST(SbatchOptions, OfAScriptThatSaysNothing) {
  const JobSpec spec = spec_of(source_of("echo hello\n"));
  JobSpec expected;
  expected.name = "job.sh";
  expected.retry.limit = 0;
  expected.kind = CommandSpec{.script = "#!/bin/sh\necho hello\n",
                              .start = CommandSpec::Start::head,
                              .folder = "/home/me",
                              .output = "/home/me/slurm-%j.out",
                              .open_mode = CommandSpec::OpenMode::truncate};
  EXPECT_EQ(spec, expected) << text::print_job_file(spec);
}

}  // namespace
}  // namespace sovren::slurm
