// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/exit_error.h"

#include <signal.h>

#include <cstring>
#include <fstream>

namespace sovren::workers {
namespace {

/// The end of the launch log on one line, without the rulers that mpirun draws; at most 400 bytes.
std::string last_words(const std::string& path) {
  constexpr std::streamoff tail_bytes = 4096;
  constexpr std::size_t words_bytes_max = 400;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  file.seekg(size > tail_bytes ? size - tail_bytes : 0);
  std::string words;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find_first_not_of("-=* \t\r");
    if (first != std::string::npos) words += (words.empty() ? "" : " ") + line.substr(first);
  }
  return words.size() > words_bytes_max ? words.substr(words.size() - words_bytes_max) : words;
}

/// Codes that sovren-rank ends with; another one comes from mpirun or the system.
bool is_of_rank(int exit_code) {
  return exit_code == rank_exit_code(Code::bug) || code_of_rank_exit(exit_code) != Code::bug;
}

Error killed(const ExitFacts& facts, const std::string& log) {
  const int signal = facts.exit_code - 128;
  if (facts.is_kill_requested)
    return Error{.code = Code::interrupted, .what = "the attempt was killed on request"};
  if (facts.is_stop_requested)
    return Error{.code = Code::interrupted, .what = "the command was told to end, and did"};
  const char* description = ::strsignal(signal);
  Error error{.code = Code::peer_lost,
              .what = "a process of the attempt was killed by signal " + std::to_string(signal) +
                      (description == nullptr ? "" : std::string(" (") + description + ")"),
              .where = log};
  if (signal == SIGKILL)
    error.hint = "if nobody killed it, the kernel ran out of memory: see dmesg, use fewer ranks";
  if (signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE ||
      signal == SIGILL)
    error.code = Code::bug;
  return error;
}

/// A command's own exit code: what it means, its log may say.
Error failed_command(const ExitFacts& facts, const std::string& log) {
  Error error{.code = Code::command_failed,
              .what = "the command ended with exit code " + std::to_string(facts.exit_code),
              .where = log};
  if (const std::string words = last_words(log); !words.empty())
    error.what += "; its output ends with: " + words;
  if (facts.exit_code == 126) error.hint = "126: a program that it names cannot be executed";
  if (facts.exit_code == 127) error.hint = "127: a program that it names is not there";
  return error;
}

/// srun's own trouble, and ranks that it started without telling them of one another.
void judge_srun(Error& error, const ExitFacts& facts) {
  if (!facts.is_started && error.code == Code::mismatch) {
    error.what = "srun started the ranks, but they do not know one another: each is alone to MPI";
    error.hint = "srun --mpi=list must have pmix; if it has not: sovren run --launcher mpirun";
  } else if (!is_of_rank(facts.exit_code)) {
    error.code = facts.is_started ? Code::peer_lost : Code::refused;
    error.hint = "what the site's Slurm says of the job: scontrol show job";
  }
}

}  // namespace

std::optional<Error> error_of_exit(const ExitFacts& facts) {
  if (facts.exit_code == exit_done || facts.exit_code == exit_checkpointed) return std::nullopt;
  if (facts.reported && !facts.is_kill_requested) return facts.reported;
  const std::string launch_log = facts.dir + "/logs/launch.log";
  const std::string rank_log = facts.dir + "/logs/rank-0000.log";
  if (facts.exit_code > 128 && facts.exit_code <= 128 + SIGRTMAX && facts.exit_code != 205)
    return killed(facts, facts.is_started || facts.is_command ? rank_log : launch_log);
  if (facts.is_command) return failed_command(facts, rank_log);
  Error error{.code = code_of_rank_exit(facts.exit_code),
              .what = "the attempt ended with exit code " + std::to_string(facts.exit_code) +
                      " without a word",
              .hint = "the logs may say more",
              .where = facts.is_started ? rank_log : launch_log};
  if (!facts.is_started || !is_of_rank(facts.exit_code))
    if (const std::string words = last_words(launch_log); !words.empty())
      error.what += "; the launch log ends with: " + words;
  if (facts.is_by_srun) judge_srun(error, facts);
  return error;
}

}  // namespace sovren::workers
