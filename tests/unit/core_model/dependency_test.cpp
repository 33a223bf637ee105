// SPDX-License-Identifier: Apache-2.0
#include "core/model/dependency.h"

#include <gtest/gtest.h>

namespace sovren {
namespace {

using Kind = Dependency::Kind;

TEST(Dependency, ReadsEveryKind) {
  const auto all = parse_after("ok:12,any:13,notok:3,failed:2,after:4,corr:5,singleton");
  ASSERT_TRUE(all) << to_text(all.error());
  EXPECT_EQ(*all, (std::vector<Dependency>{{Kind::ok, {12}},
                                           {Kind::any, {13}},
                                           {Kind::not_ok, {3}},
                                           {Kind::not_ok, {2}},
                                           {Kind::after, {4}},
                                           {Kind::corresponding, {5}},
                                           {Kind::singleton, {}}}));
  EXPECT_TRUE(parse_after("").value().empty());
}

TEST(Dependency, RefusesOtherTextAndNamesTheTerm) {
  for (const char* text : {"12", "ok", "ok:", "ok:x", "ok:0", "ok:-1", "ok:1 ", " ok:1", "OK:1",
                           "ok:99999999999999999999", "singleton:1", ",", ":1", "ok:1:2"})
    EXPECT_FALSE(parse_after(text)) << text;
  EXPECT_EQ(parse_after("ok:1,sure:2").error().what, "'sure:2' is no dependency");
  EXPECT_EQ(parse_after("ok:1,,any:2").error().what, "'' is no dependency");
  EXPECT_EQ(parse_after("ok:1,any:2,").error().what, "'any:2,' is no dependency");
}

}  // namespace
}  // namespace sovren
