// SPDX-License-Identifier: Apache-2.0
#include "core/text/sequence.h"

#include <gtest/gtest.h>

#include "core/text/job_file.h"

namespace sovren::text {
namespace {

/// A rendering job with these lines on top and this [array].
JobSpec rendering(const std::string& top, const std::string& section, const std::string& array) {
  const std::string text = "schema = 1\nkind = \"rendering\"\n" + top +
                           "\n[rendering]\nscene = \"a.glb\"\n" + section + "\n[array]\n" + array;
  const auto spec = parse_job_file({.name = "shot.toml", .text = text, .base_dir = "/"});
  EXPECT_TRUE(spec) << to_text(spec.error().front());
  return spec.value_or(JobSpec());
}

std::string stem(const std::string& name, const std::string& array, std::int64_t element,
                 const std::string& section = "frame = \"${frame}\"") {
  return sequence_stem(rendering("name = \"" + name + "\"", section, array), element)
      .value_or("none");
}

TEST(Sequence, IsNumberedByTheFrameInFourDigits) {
  EXPECT_EQ(stem("turn", "frame = \"1-240\"", 0), "turn.0001");
  EXPECT_EQ(stem("turn", "frame = \"1-240\"", 239), "turn.0240");
  EXPECT_EQ(stem("turn", "frame = \"99999-100001\"", 1), "turn.100000");
  EXPECT_EQ(stem("turn", "frame = [\"-12\", \"3\"]", 0), "turn.-0012");
  EXPECT_EQ(stem("turn", "f = \"7-9\"", 2, "frame = \"${f}\""), "turn.0009");
}

TEST(Sequence, NameIsThatOfAllFrames) {
  for (const char* name : {"turn-${frame}", "turn_${frame}", "turn ${frame}", "${frame}.turn"})
    EXPECT_EQ(stem(name, "frame = \"1-9\"", 4), "turn.0005") << name;
  EXPECT_EQ(stem("${frame}", "frame = \"1-9\"", 4), "frame.0005");
  EXPECT_EQ(stem("a-${frame}-b", "frame = \"1-9\"", 4), "a-b.0005");
}

TEST(Sequence, OtherAxesTellTheSequencesApart) {
  const std::string axes = "eye = [\"left\", \"right\"]\nframe = \"1-3\"";
  EXPECT_EQ(stem("turn", axes, 0), "turn-left.0001");
  EXPECT_EQ(stem("turn", axes, 4), "turn-right.0002");
  EXPECT_EQ(stem("${eye}-turn-${frame}", axes, 5), "right-turn.0003");
  EXPECT_EQ(stem("turn", "eye = [\"left\"]\nframe = \"1-3\"", 1), "turn.0002") << "an axis of one";
}

TEST(Sequence, OnlyOfFramesThatAnArrayCounts) {
  EXPECT_EQ(stem("turn", "seed = \"1-3\"", 1, "frame = \"4\"\nseed = 3"), "none");
  JobSpec other = rendering("name = \"turn\"", "frame = \"${frame}\"", "frame = \"1-3\"");
  other.kind = CommandSpec{.argv = {"true", "${frame}"}};
  EXPECT_FALSE(sequence_stem(other, 1));
}

}  // namespace
}  // namespace sovren::text
