// SPDX-License-Identifier: Apache-2.0
#include "core/text/hosts.h"

#include <gtest/gtest.h>

namespace sovren::text {
namespace {

using Names = std::vector<std::string>;

TEST(Hosts, NeighboursShareBrackets) {
  const std::pair<Names, const char*> cases[] = {
      {{}, ""},
      {{"n1"}, "n1"},
      {{"n1", "n2", "n3"}, "n[1-3]"},
      {{"n01", "n02", "n10"}, "n[01-02,10]"},
      {{"n9", "n10", "n12", "gpu-1-7", "gpu-1-8"}, "n[9-10,12],gpu-1-[7-8]"},
      {{"n09", "n10", "n99", "n100"}, "n[09-10,99-100]"},
      {{"n099", "n0100"}, "n[099,0100]"},
      {{"n2", "n1"}, "n[2,1]"},
      {{"a", "b", "n1x", "n2x"}, "a,b,n1x,n2x"},
      {{"7", "8"}, "[7-8]"},
      {{"n1", "n99999999999", "n2"}, "n1,n99999999999,n2"}};
  for (const auto& [names, list] : cases) EXPECT_EQ(compress_hosts(names), list);
}

TEST(Hosts, ListsAreReadAsTheyAreWritten) {
  for (const Names& names :
       {Names{"n1"}, Names{"n1", "n2", "n3"}, Names{"n01", "n02", "n10", "m"},
        Names{"gpu-1-7", "gpu-1-9", "n9", "n10"}, Names{"n099", "n0100", "n2", "n1"}})
    EXPECT_EQ(expand_host_list(compress_hosts(names)), names) << compress_hosts(names);
  EXPECT_EQ(expand_host_list("n[1,3],m"), (Names{"n1", "n3", "m"}));
  for (const char* wrong : {"", "n1,", "n[1-", "n[3-1]", "n]1["})
    EXPECT_FALSE(expand_host_list(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace sovren::text
