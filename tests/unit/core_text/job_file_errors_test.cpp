// SPDX-License-Identifier: Apache-2.0
// What a job file that is wrong is answered: golden texts.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/text/job_file.h"
#include "tests/unit/core_text/parsing.h"

namespace sovren::text {
namespace {

using testing_text::causal_head;
using testing_text::errors_of;

// Everything that is wrong with one file, at once and in its order.
TEST(JobFileErrors, AreAllNamedAtOnceInFileOrder) {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  const auto golden = [&](const std::string& name) {
    std::ifstream file(source + ("/tests/golden/" + name));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const std::string expected = golden("job_file_wrong.txt");
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(errors_of(golden("job_file_wrong.toml")), expected);
}

struct Case {
  std::string text;
  std::string error;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(errors_of(c.text), c.error) << c.text;
}

TEST(JobFileErrors, NameWhatIsMissing) {
  expect_all({
      {"", "job.toml:1:1: kind is missing\n  hint: write: kind = \"causal-analysis\"\n"},
      {"kind = \"causal-analysis\"",
       "job.toml:1:1: causal_analysis.data is missing\n"
       "  hint: write in [causal_analysis]: data = \"climate.csv\"\n"},
      {"kind = \"causal-analysis\"\n\n[causal_analysis]\nmax_lag = 2",
       "job.toml:3:2: causal_analysis.data is missing\n"
       "  hint: write in [causal_analysis]: data = \"climate.csv\"\n"},
  });
}

TEST(JobFileErrors, NameNumbersOfAModelThatDoNotGoTogether) {
  const std::string head = "kind = \"model-training\"\n[model_training]\ndata = \"a.txt\"\n";
  expect_all({
      {head + "heads = 5\nwidth = 64",
       "job.toml:5:9: model_training.heads must divide model_training.width, got 5 and 64\n"},
      {head + "heads = 5",
       "job.toml:4:9: model_training.heads must divide model_training.width, got 5 and 768 (the "
       "default)\n"},
      {head + "heads = 8\nwidth = 64\nkv_heads = 3",
       "job.toml:6:12: model_training.kv_heads must divide model_training.heads, got 3 and 8\n"},
      {head + "batch = 10\nmicro_batch = 4",
       "job.toml:5:15: model_training.micro_batch must divide model_training.batch, got 4 and "
       "10\n"},
      {head + "batch = 8\nmicro_batch = 8\n[resources]\nranks = 2",
       "job.toml:7:9: model_training.batch is 8 sequences in 1 micro-batch, which 2 ranks cannot "
       "split\n  hint: use fewer ranks, a larger batch, or a smaller micro_batch\n"},
      {head + "batch = 12\n[resources]\nranks = 3\nranks_max = 8",
       "job.toml:7:13: model_training.batch is 12 sequences in 4 micro-batches, which 8 ranks "
       "cannot "
       "split\n  hint: use fewer ranks, a larger batch, or a smaller micro_batch\n"},
      {head + "batch = 12\n[resources]\nranks = 4", ""},
  });
}

TEST(JobFileErrors, NameWhatAPictureCannotBeLike) {
  const std::string head = "kind = \"rendering\"\n[rendering]\nscene = \"a.glb\"\n";
  expect_all({
      {head + "frame = 1.5",
       "job.toml:4:9: rendering.frame must be a whole number from -1000000 to 1000000, got 1.5\n"
       "  hint: write: frame = \"${frame}\"\n"},
      {head + "frame = \"${frame}\"\n[array]\nframe = \"1-3\"", ""},
      {head + "aovs = [\"albedo\", \"depht\"]",
       "job.toml:4:19: rendering.aovs must be a list of albedo, normal, depth, position, "
       "object_id, "
       "variance and samples, got string 'depht'\n  hint: did you mean 'depth'?\n"},
      {head + "denoise = 3",
       "job.toml:4:11: rendering.denoise must be true, false, or the path of a .tza file, got 3\n"
       "  hint: write: denoise = true\n"},
      {head + "height = 0",
       "job.toml:4:10: rendering.height must be a whole number from 1 to 65536, got 0\n"},
  });
}

TEST(JobFileErrors, NameSectionsThatDoNotBelong) {
  expect_all({
      {causal_head + "[rendering]",
       "job.toml:4:2: [rendering] does not belong to kind 'causal-analysis'\n"},
      {"resources = 4\n" + causal_head,
       "job.toml:1:13: [resources] must be a table, got 4\n"
       "  hint: write the line [resources] and its keys below it\n"},
      {causal_head + "[[retry]]",
       "job.toml:4:1: [retry] must be a table, got a list\n"
       "  hint: write the line [retry] and its keys below it\n"},
      {causal_head + "[resorces]",
       "job.toml:4:2: unknown section [resorces]\n"
       "  hint: did you mean [resources]?\n"},
  });
}

TEST(JobFileErrors, FindTheHomeOfAMisplacedKey) {
  expect_all({
      {"ranks = 4\n" + causal_head,
       "job.toml:1:1: unknown key 'ranks'\n  hint: 'ranks' belongs to [resources]\n"},
      {causal_head + "partition = \"x\"",
       "job.toml:4:1: unknown key 'partition' in [causal_analysis]\n"
       "  hint: 'partition' belongs to the top of the file, before any [section]\n"},
      {causal_head + "[retry]\nzzzzzz = 1",
       "job.toml:5:1: unknown key 'zzzzzz' in [retry]\n  hint: known keys: limit, backoff, "
       "requeue\n"},
  });
}

TEST(JobFileErrors, ShowHowAValueIsWritten) {
  const auto one = [](const std::string& section, const std::string& line) {
    return causal_head + "[" + section + "]\n" + line;
  };
  const std::string ranks = "resources.ranks must be a whole number from 1 to 100000, got ";
  expect_all({
      {one("resources", "ranks = \"8\""), "job.toml:5:9: " + ranks +
                                              "string '8'\n"
                                              "  hint: write: ranks = 8\n"},
      {one("resources", "ranks = 4.0"), "job.toml:5:9: " + ranks + "4.0\n"},
      {one("resources", "ranks = true"),
       "job.toml:5:9: " + ranks + "true\n  hint: write: ranks = 4\n"},
      {one("resources", "ranks = []"),
       "job.toml:5:9: " + ranks + "an empty list\n  hint: write: ranks = 4\n"},
      {one("resources", "ranks = {}"),
       "job.toml:5:9: " + ranks + "a table\n  hint: write: ranks = 4\n"},
      {one("resources", "ranks = 100001"), "job.toml:5:9: " + ranks + "100001\n"},
      {one("resources", "time_limit = \"0s\""),
       "job.toml:5:14: resources.time_limit must be a duration from 1s to 3650d, or none, got "
       "string '0s'\n  hint: write: time_limit = \"1h\"\n"},
      {one("resources", "memory_per_rank = 4"),
       "job.toml:5:19: resources.memory_per_rank must be a size of at most 1024TiB, got 4\n"
       "  hint: write: memory_per_rank = \"2GiB\"\n"},
      {one("checkpoint", "interval = \"0 steps\""),
       "job.toml:5:12: checkpoint.interval must be \"auto\", \"off\", a duration or a number of "
       "steps such as \"20 steps\", got string '0 steps'\n  hint: write: interval = \"5min\"\n"},
      {"name = true\n" + causal_head,
       "job.toml:1:8: name must be text of 1 to 100 bytes without slashes, got true\n"
       "  hint: write: name = \"true\"\n"},
      {"name = \"a/b\"\n" + causal_head,
       "job.toml:1:8: name must be 1 to 100 bytes without slashes that do not begin with '.' or "
       "'-', got string 'a/b'\n"},
      {"comment = \"a\\u0000b\"\n" + causal_head,
       "job.toml:1:11: comment must be text without control characters, got string 'a?b'\n"},
      {"begin = \"tomorrow\"\n" + causal_head,
       "job.toml:1:9: begin must be a time such as \"2026-11-23T15:00:00Z\", got string "
       "'tomorrow'\n"},
      {"after = \"12\"\n" + causal_head,
       "job.toml:1:9: after must be a list such as \"ok:12,any:13\" (after, any, ok, notok, corr, "
       "singleton), got "
       "string '12'\n"},
      {causal_head + "variables = [\"a\", \"b\", \"a\"]",
       "job.toml:4:24: causal_analysis.variables has string 'a' twice\n"},
      {causal_head + "fdr = \"bhh\"",
       "job.toml:4:7: causal_analysis.fdr must be one of bh, none, got string 'bhh'\n"
       "  hint: did you mean 'bh'?\n"},
      {causal_head + "truth = 3",
       "job.toml:4:9: causal_analysis.truth must be the path of a file, got 3\n"
       "  hint: write: truth = \"truth.csv\"\n"},
  });
}

TEST(JobFileErrors, CompareWhatBelongsTogether) {
  expect_all({
      {causal_head + "[resources]\nranks = 4\nranks_max = 2",
       "job.toml:6:13: resources.ranks must be at most resources.ranks_max, got 4 and 2\n"},
      {causal_head + "[resources]\nranks_min = 2",
       "job.toml:5:13: resources.ranks_min must be at most resources.ranks, got 2 and 1 (the "
       "default)\n"},
      {causal_head + "[resources]\nnodes = 3\nranks = 2",
       "job.toml:6:9: resources.nodes must be at most resources.ranks, got 3 and 2\n"},
      {causal_head + "min_lag = 2",
       "job.toml:4:11: causal_analysis.min_lag must be at most causal_analysis.max_lag, got 2 and "
       "1 (the default)\n"},
  });
}

TEST(JobFileErrors, PointIntoAnOverride) {
  EXPECT_EQ(errors_of(causal_head, {{"resources.ranks", "four"}}),
            "--set resources.ranks=four: resources.ranks must be a whole number from 1 to 100000, "
            "got string 'four'\n  hint: write: --set resources.ranks=4\n");
  EXPECT_EQ(errors_of(causal_head, {{"resource.ranks", "4"}}),
            "--set resource.ranks=4: unknown section [resource]\n"
            "  hint: did you mean [resources]?\n");
  EXPECT_EQ(errors_of(causal_head, {{"resources.rank", "4"}}),
            "--set resources.rank=4: unknown key 'rank' in [resources]\n"
            "  hint: did you mean 'ranks'?\n");
  for (const std::string key : {"", ".", "a.", ".a", "a..b"})
    EXPECT_EQ(errors_of(causal_head, {{key, "4"}}), "--set " + key +
                                                        "=4: a key is missing\n"
                                                        "  hint: write: --set resources.ranks=4\n");
  EXPECT_EQ(errors_of(causal_head, {{"comment", "st\xD3"}}),  // found by fuzzing
            "--set comment=st\xD3: an override is not UTF-8\n");
  // Those of the file come first.
  EXPECT_EQ(errors_of(causal_head + "alpha = 2", {{"nmae", "4"}}),
            "job.toml:4:9: causal_analysis.alpha must be a number above 0 and below 1, got 2\n"
            "--set nmae=4: unknown key 'nmae'\n  hint: did you mean 'name'?\n");
}

TEST(JobFileErrors, LocateWhatIsAgainstTheGrammar) {
  expect_all({
      {"a = [1\nb = 2",
       "job.toml:2:1: syntax error while parsing array: expected comma or closing ']', saw 'b'\n"},
      {"kind = 1\nkind = 2",
       "job.toml:2:8: syntax error while parsing key-value pair: cannot redefine existing integer "
       "'kind'\n"},
  });
  const std::string beyond_ascii = "syntax error: a character beyond ASCII outside of quotes\n";
  expect_all({
      {"name = é", "job.toml:1:8: " + beyond_ascii},
      {"name = \u201Cx\u201D", "job.toml:1:8: " + beyond_ascii},
      {"größe = 1", "job.toml:1:3: " + beyond_ascii},
      {"'größe' = 'é' \u00A0", "job.toml:1:15: " + beyond_ascii},
  });
  EXPECT_EQ(errors_of("comment = 'é' # é\n" + causal_head), "");
  for (const std::string text : {"[}", "[ ,a]", "a = 1\n[[=b]]", "a = [\n[}", "a = {[", "a = }"})
    EXPECT_NE(errors_of(text).find("syntax error"), std::string::npos) << text;
  for (const std::string text : {"a", "a =", "= 1", "[a", "[a]]", "a = \"x", "a = 010", "a = '''",
                                 "a = 99999999999999999999", "a = {b = 1", "a.b = 1\na = 2"}) {
    const std::string errors = errors_of(text);
    EXPECT_TRUE(errors.starts_with("job.toml:1:") || errors.starts_with("job.toml:2:")) << errors;
    EXPECT_NE(errors.find("syntax error"), std::string::npos) << text << "\n" << errors;
  }
}

TEST(JobFileErrors, RefuseWhatIsNoTextOfSensibleSize) {
  using namespace std::string_literals;
  expect_all({
      {"\xEF\xBB\xBF" + causal_head,
       "job.toml:1:1: the file begins with a byte order mark\n"
       "  hint: save it as UTF-8 without BOM\n"},
      {"\xFF\xFEk", "job.toml:1:1: the file is UTF-16\n  hint: save it as UTF-8 without BOM\n"},
      {"a = 1\nb = \"\0\""s,
       "job.toml:2:6: the file holds a NUL byte\n  hint: is this a text file?\n"},
      {"a = \"\xC3\xA9\xFF\"",
       "job.toml:1:7: the file is not UTF-8\n  hint: save it as UTF-8 without BOM\n"},
      {std::string((1 << 20) + 1, ' '),
       "job.toml:1:1: the file has 1048577 bytes; at most 1048576 are allowed\n"
       "  hint: keep data in a file of its own and name its path here\n"},
      {"a = " + std::string(200'000, '['),
       "job.toml:1:21: values and keys nest more than 16 deep\n"},
  });
  std::string keys = "a";
  for (int i = 0; i < 100'000; ++i) keys += i % 3 == 0 ? " . \"a\"" : ".a";
  for (const std::string& text : {keys + " = 1", "[" + keys + "]", "x = {" + keys + " = 1}"})
    EXPECT_NE(errors_of(text).find("nest more than 16 deep"), std::string::npos);
  // A long text may end in up to five quotes; what follows it counts again.
  EXPECT_EQ(errors_of("a = [\"\"\"x\"\"\"\", " + std::string(20, '[')),
            "job.toml:1:31: values and keys nest more than 16 deep\n");
  // Brackets and dots within texts and comments are no nesting.
  const std::string harmless = std::string(4000, '[') + "........................";
  EXPECT_EQ(
      errors_of("comment = \"\"\"" + harmless + "\"\"\"\"\" # " + harmless + "\n" + causal_head),
      "");
}

TEST(JobFileErrors, RefuseAFolderWhoseNameIsNoText) {
  const auto spec = parse_job_file({"\xFF.toml", causal_head, "/\xFF"});
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error()[0].what, "the name of the folder that the file is in is not UTF-8");
  EXPECT_EQ(parse_job_file({"\xFF.toml", causal_head, "/"}).value().name, "job");
}

TEST(JobFileErrors, AreCutAfterAHundred) {
  std::string text = causal_head;
  for (int i = 0; i < 1500; ++i) text += "qq" + std::to_string(i) + " = 1\n";
  const auto spec = parse_job_file({"job.toml", text, "/"});
  ASSERT_FALSE(spec);
  ASSERT_EQ(spec.error().size(), 101u);
  EXPECT_EQ(to_text(spec.error().back()), "job.toml: and 1400 more errors");
}

TEST(JobFileErrors, KeepAResolvedJobWithinItsOwnLimit) {
  // Spaces after commas and defaults are added: what is printed must read back.
  std::string text = causal_head + "variables = [";
  for (int i = 0; i < 116'400; ++i) text += "\"" + std::to_string(i) + "\",";
  EXPECT_EQ(errors_of(text + "]"),
            "job.toml:1:1: the job has more than 1 MiB of text once its paths are absolute\n");
}

}  // namespace
}  // namespace sovren::text
