// SPDX-License-Identifier: Apache-2.0
// How lines, words and variables are read; what wins; what is said of mistakes.
#include "tests/unit/slurm_script/batch_reading.h"

namespace sovren::slurm {
namespace {

// As sbatch 22.05.8 reads them: seen with sbatch -vv.
TEST(Directives, AreReadUpToTheFirstCommand) {
  const BatchSource source = source_of(
      "#SBATCH -n 4 -J \"a b\" # a note, --mem=1\n"
      "\n"
      "   # indented\n"
      " #SBATCH -n 3\n"
      "#SBATCH-N2\n"
      "#SBATCH --comment=\"a\\ b\"\n"
      "hostname\n"
      "#SBATCH -c 2\n");
  EXPECT_EQ(keys_of(source),
            "comment = \"a b\"; name = \"a b\"; resources.nodes = 2; resources.ranks = 4");
  EXPECT_EQ(warnings_of(source), "#SBATCH lines below the first command are not read: 1\n");
}

TEST(Directives, EndAtACommentWithinAWord) {
  EXPECT_EQ(keys_of("#SBATCH -J a#b\n"), "name = \"a\"");
  EXPECT_EQ(keys_of("#SBATCH -J 'a#b'\n"), "name = \"a#b\"");
  EXPECT_EQ(keys_of("#SBATCH -J a\\#b\n"), "name = \"a#b\"");
  EXPECT_EQ(keys_of("#SBATCH -J a\\ -n2\n"), "name = \"a\"; resources.ranks = 2");
  EXPECT_EQ(keys_of("#SBATCH -J \"a\\\"b\"\n"), "name = \"a\\\"b\"");
}

TEST(Directives, TakeOptionsAsGetoptDoes) {
  EXPECT_EQ(keys_of("#SBATCH --ntasks-per-n=4 --part x\n"),
            "command.environment = { SLURM_NTASKS_PER_NODE = \"4\" }; partition = \"x\"; "
            "resources.ranks = 4");
  EXPECT_EQ(keys_of("#SBATCH -OsN2\n"),
            "resources.nodes = 2; resources.oversubscribe = \"yes\"; resources.ranks = 2");
  EXPECT_EQ(keys_of("#SBATCH --mem 1\n"), keys_of("#SBATCH --mem=1M\n"));
  EXPECT_EQ(keys_of("#SBATCH -n\n#SBATCH 4\n"), "resources.ranks = 4");
  EXPECT_EQ(keys_of("#SBATCH -n 2\n#SBATCH -n 3\n"), "resources.ranks = 3");
  EXPECT_EQ(keys_of("#SBATCH -J --x\n"), "name = \"_-x\"");  // a value, though it looks like none
}

TEST(Directives, SayAllThatIsWrongAtOnce) {
  EXPECT_EQ(errors_of("#SBATCH --ntask-per-node=2\n"
                      "#SBATCH -n four --mem=4.5G\n"
                      "#SBATCH   --cpu=4 foo ntasks=4\n"
                      "#SBATCH -t=5 --hold=1 -X\n"
                      "#SBATCH -J \"a\n"
                      "#SBATCH --time\n"
                      "#SBATCH --array=5-1 --signal=B:FOO -d afterwards:1\n"),
            "job.sh:2:9: there is no option --ntask-per-node (did you mean "
            "--ntasks-per-node?)\n"
            "job.sh:3:9: --ntasks must be a whole number of at least 1, got 'four'\n"
            "job.sh:3:17: --mem must be a whole number of megabytes, or one with K, M, G or T, got "
            "'4.5G' (write: --mem=4G)\n"
            "job.sh:4:11: --cpu may be any of --cpu-freq, --cpus-per-gpu, --cpus-per-task (write "
            "it in full)\n"
            "job.sh:4:19: 'foo' is no option (write: #SBATCH --option=value, with quotes where it "
            "has spaces)\n"
            "job.sh:4:23: 'ntasks=4' is no option (did you mean --ntasks=4?)\n"
            "job.sh:5:9: -t takes its value without '=' (write: -t 5, or: --time=5)\n"
            "job.sh:5:14: --hold takes no value (write: --hold)\n"
            "job.sh:5:23: there is no option -X (man sbatch has the list of options)\n"
            "job.sh:6:12: the quote \" is not closed\n"
            "job.sh:7:9: --time needs a value\n"
            "job.sh:8:9: --array must be indices such as 0-15, 1,3,5-7 or 0-15:4, at most 100000, "
            "perhaps with %8 for how many run at once, got '5-1'\n"
            "job.sh:8:21: --signal must be [B:]signal[@seconds], got 'B:FOO' (write: "
            "--signal=B:USR1@60)\n"
            "job.sh:8:36: --dependency: 'afterwards' is no type of dependency (write: "
            "afterok:12:13, afterany:12, afternotok:12, aftercorr:12, after:12 or singleton, with "
            "commas between them)\n");
}

TEST(Directives, RefuseWhatWouldChangeTheRun) {
  const auto codes = [](const std::string& line) {
    const auto job = read_batch(source_of("#SBATCH " + line + "\n"));
    std::string all;
    if (!job)
      for (const Error& error : job.error())
        all += std::string(error.code == Code::refused ? "refused: " : "") + error.what;
    return all;
  };
  EXPECT_EQ(codes("-d afterok:1?afterok:2"),
            "refused: --dependency: '?': a job here waits for all of its dependencies, not for any "
            "of them");
  EXPECT_EQ(codes("-d after:3+5"),
            "refused: --dependency: a delay after a job has started ('3+5') is not kept here");
  EXPECT_EQ(codes("-d expand:3"),
            "refused: --dependency: expand: a job does not take over the nodes of another here");
  EXPECT_EQ(codes("--gres=gpu:1,tmp:1G"), "refused: --gres: there is no resource 'tmp' here");
  EXPECT_EQ(codes("-n8 --gres=gpu:1"),
            "refused: 1 GPU cannot be given to 8 tasks evenly: here each task has its own");
  EXPECT_EQ(codes("-C a|b"),
            "refused: --constraint: only features that all nodes must have, joined by '&', are "
            "taken here");
  EXPECT_EQ(codes("--signal=KILL"), "refused: --signal: KILL is not sent before a time limit here");
  EXPECT_EQ(codes("hetjob"), "refused: hetjob: heterogeneous jobs are not run here");
  EXPECT_EQ(codes(": -n 3"), "refused: ':' begins the next part of a heterogeneous job");
  EXPECT_EQ(codes("-i in-%a.txt"), "refused: --input: patterns such as %a are not replaced here");
  EXPECT_EQ(codes("--mem=1 --mem-per-cpu=2"), "--mem-per-cpu and --mem exclude each other");
  EXPECT_EQ(codes("--gpus=3 --gpus-per-task=2 -n2"),
            "--gpus-per-task makes 4 GPUs, but --gpus asks for 3");
  EXPECT_EQ(codes("--gpus=a:1,b:1"), "refused: --gpus: GPUs of several types");
  EXPECT_EQ(codes("-n 200000"), "a job has at most 100000 tasks, got 200000");
  EXPECT_EQ(codes("-c 5000"), "a job has at most 4096 cores a task, got 5000");
  EXPECT_EQ(codes("--gpus=65"), "a job has at most 64 GPUs a task, got 65");
  EXPECT_EQ(codes("-t 4000-0"), "--time must be at most 3650 days, or UNLIMITED, got '4000-0'");
}

TEST(Directives, OfTheCommandLineWinOverVariablesWinOverTheScript) {
  BatchSource source = source_of("#SBATCH -t 1 -p a -J s\n", {"-t", "3"});
  source.environment = {{"SBATCH_TIMELIMIT", "2"}, {"SBATCH_PARTITION", "b"}, {"PATH", "/bin"}};
  const auto keys = overrides_of(job_of(source));
  EXPECT_EQ(keys.at("resources.time_limit"), "\"3min\"");
  EXPECT_EQ(keys.at("partition"), "\"b\"");
  EXPECT_EQ(keys.at("name"), "\"s\"");
  EXPECT_EQ(keys_of("#SBATCH --mem=1\n", {"--mem-per-cpu=2"}),
            "resources.memory_per_rank = \"2097152B\"");
}

TEST(Directives, ThatAreVariablesWithoutAValue) {
  const auto is_overcommitted = [](const std::string& value) {
    BatchSource source = source_of("");
    source.environment = {{"SBATCH_OVERCOMMIT", value}};
    return overrides_of(job_of(source)).contains("resources.oversubscribe");
  };
  EXPECT_TRUE(is_overcommitted(""));
  EXPECT_TRUE(is_overcommitted("yes"));
  EXPECT_TRUE(is_overcommitted("1"));
  EXPECT_FALSE(is_overcommitted("0"));
  EXPECT_FALSE(is_overcommitted("no"));
}

TEST(Directives, ElsewhereAreFoundByWhatWasWritten) {
  BatchSource source = source_of("", {"-n", "x", "-w", "node1"});
  source.environment = {{"SBATCH_TIMELIMIT", "soon"}};
  EXPECT_EQ(errors_of(source),
            "SBATCH_TIMELIMIT=soon: --time must be minutes, minutes:seconds, "
            "hours:minutes:seconds, days-hours, days-hours:minutes[:seconds] or UNLIMITED, got "
            "'soon' (write: --time=90 for an hour and a half)\n"
            "--ntasks=x: --ntasks must be a whole number of at least 1, got 'x'\n"
            "--nodelist=node1: --nodelist is refused (a job does not name its nodes: give them a "
            "label (`sovren worker --label`) and ask for it with `--constraint`)\n");
}

TEST(Directives, GiveWayToLinesOfSovrens) {
  const std::string lines =
      "#SBATCH -n 4 -t 5 -a 1-3 -C gpu -o out.txt\n"
      "#SOVREN --ranks 2 --array frame=7-9 labels.gpu=a100 --output mine.txt\n";
  EXPECT_EQ(keys_of(lines), "resources.time_limit = \"5min\"");
  const JobSpec spec = spec_of(source_of(lines));
  EXPECT_EQ(spec.resources.ranks, 2);
  ASSERT_EQ(spec.array.size(), 1U);
  EXPECT_EQ(spec.array[0].name, "frame");
  EXPECT_EQ(spec.labels.at("gpu"), "a100");
  EXPECT_EQ(std::get<CommandSpec>(spec.kind).output, "/home/me/mine.txt");
  EXPECT_EQ(spec_of(source_of(lines, {"-n", "6"})).resources.ranks, 6);
}

TEST(Directives, ThatSbatchWarnsOfAreWarnedOf) {
  EXPECT_EQ(warnings_of(source_of("#SBATCH -N4 -n2\n")),
            "can't run 2 tasks on 4 nodes: --nodes is taken as 2\n");
  EXPECT_EQ(keys_of("#SBATCH -N4 -n2\n"), "resources.nodes = 2; resources.ranks = 2");
  EXPECT_EQ(keys_of("#SBATCH -N9 --gpus=8 --gpus-per-task=2\n"),
            "resources.gpus_per_rank = 2; resources.nodes = 4; resources.ranks = 4");
  EXPECT_EQ(warnings_of(source_of("#SBATCH -N2 -n16 --ntasks-per-node=4\n")),
            "--ntasks-per-node=4 is ignored: 16 tasks do not fit on 2 nodes so\n");
  EXPECT_EQ(keys_of("#SBATCH -N2-8 -n16 --ntasks-per-node=4\n"),
            "command.environment = { SLURM_NTASKS_PER_NODE = \"4\" }; resources.nodes = 4; "
            "resources.ranks = 16");
  EXPECT_EQ(warnings_of(source_of("#PBS -l nodes=2\n#BSUB -n 3\n")),
            "#PBS and #BSUB lines are not read: 2\n");
  EXPECT_EQ(warnings_of(source_of("#SBATCH -J a/b -p x,y\n")),
            "--job-name: the job is named a_b\n"
            "--partition: a job is in one partition; the first, x, is taken\n");
}

TEST(Directives, OfAnArrayLeaveTheScriptsOwnVariablesAlone) {
  BatchSource source = source_of("#SBATCH -a 5-6\nfor task in a b; do echo ${task}; done\n");
  source.environment = {{"PS1", "${debian_chroot:+(x)}$"}};
  const JobSpec spec = spec_of(source);
  ASSERT_EQ(spec.array.size(), 1U);
  EXPECT_EQ(spec.array[0].name, "task_1");
  const auto element = text::expand_element(spec, 1);
  ASSERT_TRUE(element) << to_text(element.error());
  const auto& command = std::get<CommandSpec>(element->kind);
  EXPECT_EQ(command.script, source.script.text);
  EXPECT_EQ(command.environment.at("PS1"), "${debian_chroot:+(x)}$");
  EXPECT_EQ(command.environment.at("SLURM_ARRAY_TASK_ID"), "6");
}

TEST(Directives, OfNoScriptAreRefused) {
  BatchSource source = source_of("");
  source.script.text = "echo hello\n";
  EXPECT_EQ(errors_of(source),
            "job.sh:1:1: this is no batch script: its first line must be #! and an interpreter "
            "(for example #!/bin/sh)\n");
  EXPECT_EQ(errors_of("#SBATCH -n 3\r\n"),
            "job.sh:2:1: the line ends as in DOS (\\r\\n) (dos2unix converts a file)\n");
}

TEST(Directives, WrapACommand) {
  const BatchJob job = job_of(source_of("", {"--wrap=echo $HOME", "-n2"}));
  EXPECT_EQ(job.script.text,
            "#!/bin/sh\n# This script was created by sbatch --wrap.\n\necho $HOME\n");
  EXPECT_EQ(job.script.name, "wrap");
  EXPECT_EQ(overrides_of(job).at("resources.ranks"), "2");
  EXPECT_EQ(errors_of("#SBATCH --wrap=x\n"),
            "job.sh:2:9: --wrap is for the command line of sbatch\n");
}

TEST(Directives, HandTheScriptItsArguments) {
  BatchSource source = source_of("");
  source.arguments = {"--steps", "a \"b\"", ""};
  const JobSpec spec = spec_of(source);
  EXPECT_EQ(std::get<CommandSpec>(spec.kind).arguments, source.arguments);
}

TEST(Directives, KeepAFolderWithAPercentSign) {
  BatchSource source = source_of("");
  source.script.base_dir = "/data/50%j";
  EXPECT_EQ(overrides_of(job_of(source)).at("command.output"), "\"/data/50%%j/slurm-%j.out\"");
}

TEST(SbatchWords, EndAtTheScript) {
  const std::vector<std::string> words{"-n2", "--hold", "job.sh", "-n3", "x"};
  const auto taken = split_sbatch_words(words);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->operands, (std::vector<std::string>{"job.sh", "-n3", "x"}));
  ASSERT_EQ(taken->options.size(), 2U);
  EXPECT_EQ(taken->find("ntasks")->value, "2");
  EXPECT_EQ(taken->find("mem"), nullptr);
  const std::vector<std::string> dashes{"--", "-job.sh"};
  EXPECT_EQ(split_sbatch_words(dashes)->operands, std::vector<std::string>{"-job.sh"});
}

TEST(SbatchWords, AreNamedWhenTheyAreWrong) {
  const std::vector<std::string> words{"--ntask=2x", "--no", "-Z", "-n"};
  const auto taken = split_sbatch_words(words);
  ASSERT_FALSE(taken);
  std::string all;
  for (const Error& error : taken.error()) {
    EXPECT_EQ(error.code, Code::usage);
    all += line_of(error);
  }
  EXPECT_EQ(all,
            "--ntask=2x: --ntask may be any of --ntasks, --ntasks-per-core, --ntasks-per-gpu, "
            "--ntasks-per-node, --ntasks-per-socket, --ntasks-per-tres (write it in full)\n"
            "--no: --no may be any of --no-kill, --no-requeue, --nodefile, --nodelist, --nodes "
            "(write it in full)\n"
            "-Z: there is no option -Z (man sbatch has the list of options)\n"
            "-n: -n needs a value\n");
  const std::vector<std::string> het{"-n2", ":", "-n3", "job.sh"};
  EXPECT_EQ(split_sbatch_words(het).error().front().code, Code::refused);
}

}  // namespace
}  // namespace sovren::slurm
