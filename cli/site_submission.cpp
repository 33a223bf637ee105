// SPDX-License-Identifier: Apache-2.0
#include "cli/site_submission.h"

#include <unistd.h>

#include <filesystem>

#include "cli/job_directory.h"
#include "cli/listing.h"
#include "cli/system_clock.h"
#include "cli/users.h"
#include "core/text/job_file.h"
#include "slurm/bridge/follower.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

namespace fs = std::filesystem;

// What a submission puts into a job directory, so that it can be taken back.
class Preparation {
 public:
  explicit Preparation(std::string dir) : dir_(std::move(dir)) {
    std::error_code ignored;
    for (fs::path path = dir_ + "/logs"; !fs::exists(path, ignored) && path.has_relative_path();
         path = path.parent_path())
      made_.push_back(path.string());
  }

  Result<void> make_folders() { return storage::make_directories(dir_ + "/logs"); }

  Result<void> write(const std::string& name, const std::string& content) {
    const std::string path = dir_ + "/" + name;
    auto before = storage::path_exists(path) ? storage::read_file(path) : Result<std::string>("");
    if (!before) return fail(std::move(before).error());
    files_.push_back({path, storage::path_exists(path), *std::move(before)});
    return storage::write_file_atomic(path, content);
  }

  // What others have put there meanwhile stays. Best effort: the error that led here counts.
  void take_back() {
    for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
      if (file->was_there)
        static_cast<void>(storage::write_file_atomic(file->path, file->before));
      else
        ::unlink(file->path.c_str());
    }
    for (const std::string& folder : made_) ::rmdir(folder.c_str());
  }

 private:
  struct File {
    std::string path;
    bool was_there = false;
    std::string before;
  };
  std::string dir_;
  std::vector<std::string> made_;  // folders that were not there, the deepest first
  std::vector<File> files_;
};

Error no_sbatch(Error error) {
  if (error.code != Code::not_found) return error;
  return {.code = Code::unreachable,
          .what = "there is no Slurm here: " + error.what,
          .hint =
              "run this on a login node of the site; sovren slurm script prints the script, "
              "sovren run works without Slurm"};
}

// What sbatch says, without its name before each line.
std::string words_of(const std::string& errors) {
  std::string text;
  std::string_view rest = errors;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    for (const std::string_view front : {"sbatch: ", "error: "})
      if (line.starts_with(front)) line.remove_prefix(front.size());
    if (!line.empty()) text += (text.empty() ? "" : "; ") + std::string(line);
  }
  return text;
}

Error refusal(const slurm::SiteAnswer& answer) {
  const std::string words = words_of(answer.errors);
  if (words.find("timed out") != words.npos)
    return {.code = Code::timed_out, .what = "the site has not answered: " + words};
  if (words.find("Unable to contact slurm controller") != words.npos)
    return {.code = Code::unreachable,
            .what = "the site does not answer: " + words,
            .hint = "slurmctld may be down for a moment: scontrol ping, then the same again"};
  return {.code = Code::refused,
          .what = "the site refuses the job: " +
                  (words.empty() ? "sbatch ended with exit code " + std::to_string(answer.exit_code)
                                 : words),
          .hint = "sinfo lists partitions and limits; sovren slurm script prints what was asked"};
}

// The id in "1234" or "1234;cluster".
std::string id_in(const std::string& output) {
  return output.substr(0, output.find_first_not_of("0123456789"));
}

// The id of the job in the site's queue whose comment has this nonce; empty: there is none.
Result<std::string> find_in_queue(const std::string& nonce, const slurm::SiteCommand& site) {
  SOVREN_TRY(answer, site({"squeue", "-h", "-u", own_user(), "-o", "%F|%k"}, ""));
  if (answer.exit_code != 0)
    return fail({.code = Code::unreachable,
                 .what = "the site's queue cannot be read: " + words_of(answer.errors)});
  std::string_view rest = answer.output;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto bar = line.find('|');
    if (bar != line.npos && slurm::nonce_in(line.substr(bar + 1)) == nonce)
      return std::string(line.substr(0, bar));
  }
  return "";
}

// sbatch, and where its answer got lost, the site's queue.
Result<std::string> hand_in(const std::string& script, bool is_held, const std::string& nonce,
                            const slurm::SiteCommand& site) {
  std::vector<std::string> argv{"sbatch", "--parsable"};
  if (is_held) argv.push_back("--hold");
  const auto answer = site(argv, script);
  if (answer && answer->exit_code == 0 && !id_in(answer->output).empty())
    return id_in(answer->output);
  Error error = answer ? refusal(*answer) : no_sbatch(answer.error());
  if (error.code != Code::timed_out) return fail(std::move(error));
  const auto found = find_in_queue(nonce, site);
  if (found && !found->empty()) return *found;
  error.what += "; it is not known whether it took the job" +
                std::string(found ? ", which is not in its queue now" : "");
  error.hint =
      "squeue --me shows it once it is there, with the comment " + slurm::comment_of(nonce);
  return fail(std::move(error));
}

// The ledger may say that a job has the directory only because nobody has followed it since. Two
// whole answers of the site that do not list it are enough here: a user waits.
Result<void> settle(slurm::Ledger& ledger, const std::string& dir, const slurm::SiteCommand& site) {
  SystemClock clock;
  slurm::Follower follower(ledger, site, clock, {.missing_patience_s = 0});
  for (int answers = 0; answers < 2 && slurm::open_in(ledger.jobs(), dir) != nullptr; ++answers)
    SOVREN_DO(follower.tick());
  return {};
}

}  // namespace

Result<std::string> ledger_path() {
  SOVREN_TRY(home, sovren_home());
  return home + "/slurm/jobs.jsonl";
}

Result<SiteSubmission> submit_to_site(const SiteRequest& request, const Arguments& arguments,
                                      slurm::Ledger& ledger, const slurm::SiteCommand& site) {
  const JobDirectory directory(request.dir);
  const std::string nonce = slurm::make_nonce();
  SOVREN_TRY(script,
             site_script(request, directory.job_file(), slurm::comment_of(nonce), arguments, site));
  const std::int64_t tasks = request.spec.array.empty() ? 0 : text::array_size(request.spec);
  SOVREN_DO(settle(ledger, request.dir, site));
  SOVREN_DO(ledger.ask({.nonce = nonce,
                        .name = request.spec.name,
                        .dir = request.dir,
                        .job_file = directory.job_file(),
                        .user = own_user(),
                        .array_tasks = tasks},
                       now()));
  Preparation preparation(request.dir);
  const auto prepare = [&]() -> Result<void> {
    SOVREN_DO(preparation.make_folders());
    SOVREN_DO(preparation.write("job.toml", text::print_job_file(request.spec)));
    return preparation.write("job.sbatch", script.text);
  };
  auto prepared = prepare();
  auto taken = prepared ? hand_in(script.text, request.is_held, nonce, site)
                        : Result<std::string>(fail(std::move(prepared).error()));
  if (!taken) {
    if (taken.error().code == Code::timed_out) return fail(std::move(taken).error());
    preparation.take_back();
    SOVREN_DO(ledger.append({now(), slurm::SiteWithdrawn{nonce, taken.error().what}}));
    return fail(std::move(taken).error());
  }
  SOVREN_DO(ledger.append({now(), slurm::SiteSubmitted{nonce, *taken}}));
  return SiteSubmission{.site_job = *taken,
                        .script = request.dir + "/job.sbatch",
                        .warnings = std::move(script.warnings)};
}

Result<std::string> try_at_site(const std::string& script, const std::vector<std::string>& options,
                                const slurm::SiteCommand& site) {
  std::vector<std::string> argv{"sbatch", "--test-only"};
  argv.insert(argv.end(), options.begin(), options.end());
  const auto answer = site(argv, script);
  if (!answer) return fail(no_sbatch(answer.error()));
  if (answer->exit_code != 0) return fail(refusal(*answer));
  return words_of(answer->errors);
}

Result<std::string> pass_to_site(const JobText& script, const std::vector<std::string>& options,
                                 const slurm::SiteCommand& site) {
  std::vector<std::string> argv{"sbatch", "--parsable"};
  argv.insert(argv.end(), options.begin(), options.end());
  if (storage::path_exists(script.name)) argv.push_back(script.name);  // else what was read
  const auto answer = site(argv, script.text);
  if (!answer) return fail(no_sbatch(answer.error()));
  if (answer->exit_code != 0) return fail(refusal(*answer));
  return id_in(answer->output);
}

}  // namespace sovren::cli
