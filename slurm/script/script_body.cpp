// SPDX-License-Identifier: Apache-2.0
// The shell commands of a batch script: bash, with @words@ in it that stand for what a job has.
// Users read this, so it is kept short.
#include "slurm/script/script_body.h"

#include <initializer_list>
#include <utility>

#include "core/text/job_file.h"
#include "slurm/script/shell.h"

namespace sovren::slurm {
namespace {

// bash answers a signal only once a foreground program has ended, so the run is a background one.
// A second TERM would abort the run.
constexpr std::string_view run = R"sh(
set -u
sovren=${SOVREN_BIN:-@programs@}/sovren
job=@job@
dir=@dir@

for path in "$sovren" "$job" "$dir/logs"; do
  if [ ! -e "$path" ]; then
    echo "sovren: error: node $(hostname) does not see $path: it must lie on a shared folder" >&2
    exit 66
  fi
done

pid='' wanted='' told=''@killed@
stop() {  # seal a checkpoint and stop; said once, for twice means: at once
  wanted=yes
  if [ -n "$pid" ] && [ -z "$told" ]; then told=yes; kill -TERM "$pid"; fi
}
@traps@"$sovren" run --launcher @launcher@ --dir "$dir"@options@ "$job" &
pid=$!
if [ -n "$wanted" ]; then stop; fi
while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done  # a signal ends a wait early
wait "$pid"
code=$?
)sh";

constexpr std::string_view traps = R"sh(trap stop USR1                # the time limit is near
trap 'killed=yes; stop' TERM  # Slurm ends the job
)sh";

// Without a checkpoint there is no warning, and no coming back.
constexpr std::string_view end_trap = R"sh(trap stop TERM  # Slurm ends the job
)sh";
constexpr std::string_view end = R"sh(exit "$code"  # such a command cannot go on where it was
)sh";

// Slurm ends a job by TERM when it was cancelled or requeued, too. Asked is only then: a busy
// slurmctld must not keep a job from coming back.
constexpr std::string_view decide = R"sh(
# 85: stopped with a checkpoint; 130, 143: before there was one. Anything else is the job's end.
case $code in 85 | 130 | 143) ;; *) exit "$code" ;; esac
id=@id@
# Slurm ends it: cancelled jobs stay so, requeued ones come back by themselves.
preempted=''
if [ -n "$killed" ]; then
  case $(squeue -h -j "$id" -o '%T %r') in
    RUNNING*) preempted=yes ;;  # it has a while to make room
    *TimeLimit*) ;;
    *) exit "$code" ;;
  esac
fi
# @stalled@ allocations that got no further than the one before them: there is no use in another.
steps=$(grep -o '"sealed_step":-*[0-9]*' "@run_dir@/allocations.jsonl" | tail -n @steps@)
if [ -z "$preempted" ] && [ "$(echo "$steps" | wc -l)" = @steps@ ] &&
  [ "$(echo "$steps" | sort -u | wc -l)" = 1 ]; then
  echo "sovren: error: @stalled@ allocations in a row sealed nothing beyond step ${steps##*:}:" \
    "ask for a longer time limit" >&2
  exit 1
fi

trap '' USR1 TERM
for pause in 5 10 20 40 0; do
)sh";

constexpr std::string_view requeue = R"sh(  scontrol requeue "$id" && exit 0
)sh";

// The script that runs is a copy in slurmd's own folder, which is there as long as it runs.
constexpr std::string_view submit =
    R"sh(  next=$(SOVREN_CONTINUES=$id env -u SLURM_RESTART_COUNT sbatch --parsable --begin=now \
    --dependency="afterany:$id"@element@ "$0") &&
    echo "sovren: job $id goes on as job ${next%;*}" && exit "$code"
)sh";

constexpr std::string_view give_up = R"sh(  sleep "$pause"
done
echo "sovren: error: job $id cannot come back; submitted again, it goes on from its checkpoint" >&2
exit "$code"
)sh";

using Words = std::initializer_list<std::pair<std::string_view, std::string>>;

// In one pass: what is put in is not looked at again.
std::string fill(std::string_view text, Words words) {
  std::string filled;
  while (!text.empty()) {
    bool is_word = false;
    for (const auto& [word, value] : words) {
      if (!text.starts_with(word)) continue;
      filled += value;
      text.remove_prefix(word.size());
      is_word = true;
      break;
    }
    if (is_word) continue;
    filled += text.front();
    text.remove_prefix(1);
  }
  return filled;
}

}  // namespace

std::string script_body(const JobSpec& spec, const ScriptSetting& setting) {
  const bool is_array = !spec.array.empty(), comes_back = can_checkpoint(spec);
  std::string options = is_array ? " --element \"$SLURM_ARRAY_TASK_ID\"" : "";
  for (const std::string& word : setting.run_options) options += " " + shell_quoted(word);
  std::string text =
      fill(run, {{"@programs@", shell_quoted(setting.programs_dir)},
                 {"@job@", shell_quoted(setting.job_file)},
                 {"@dir@", shell_quoted(setting.dir)},
                 {"@launcher@", setting.launcher == RankLauncher::srun ? "srun" : "mpirun"},
                 {"@options@", options},
                 {"@killed@", comes_back ? " killed=''" : ""},
                 {"@traps@", std::string(comes_back ? traps : end_trap)}});
  if (!comes_back) return text + std::string(end);
  text += fill(decide,
               {{"@id@", is_array ? "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" : "$SLURM_JOB_ID"},
                {"@run_dir@", text::array_size(spec) > 1 ? "$dir/$SLURM_ARRAY_TASK_ID" : "$dir"},
                {"@stalled@", std::to_string(stalled_allocations_max)},
                {"@steps@", std::to_string(stalled_allocations_max + 1)}});
  if (setting.continuation != Continuation::submit) text += requeue;
  if (setting.continuation != Continuation::requeue)
    text += fill(submit, {{"@element@", is_array ? " --array=\"$SLURM_ARRAY_TASK_ID\"" : ""}});
  return text + std::string(give_up);
}

}  // namespace sovren::slurm
