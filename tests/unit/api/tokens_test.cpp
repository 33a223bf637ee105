// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "core/text/digest.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Instant now{1'800'000'000'000};

class TokensTest : public testing::Test {
 protected:
  std::string path() const { return folder_.at("tokens"); }
  std::string create(const std::string& name, std::optional<Instant> expires = {}) const {
    auto token = TokenFile::create(
        path(), {.name = name, .user = "ada", .scopes = {Scope::submit, Scope::read}}, expires);
    if (!token) throw std::runtime_error(to_text(token.error()));
    return *token;
  }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }
  void replace(const std::string& text) const {
    folder_.write("tokens", text);
    ::chmod(path().c_str(), 0600);
  }

  const TestFolder folder_;
};

TEST_F(TokensTest, CreatedTokenIsFoundWithItsOwner) {
  const std::string laptop = create("laptop");
  const std::string desk = create("desk");
  EXPECT_NE(laptop, desk);
  EXPECT_EQ(laptop.size(), 7U + 64U);
  TokenFile file(path());
  const auto owner = file.find(laptop, now);
  ASSERT_TRUE(owner) << to_text(owner.error());
  EXPECT_EQ(owner->name, "laptop");
  EXPECT_EQ(owner->user, "ada");
  EXPECT_EQ(owner->scopes, (std::set{Scope::read, Scope::submit}));
  EXPECT_EQ(file.find(desk, now)->name, "desk");
}

TEST_F(TokensTest, FileHoldsNoTokenAndNobodyElseReadsIt) {
  const std::string token = create("laptop");
  EXPECT_THAT(content(), Not(HasSubstr(token.substr(7))));
  EXPECT_EQ(content(), "laptop ada read,submit " + text::sha256_hex(token) + " never\n");
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(TokensTest, ARevokedTokenIsRefusedFromThenOn) {
  const std::string first = create("first");
  const std::string laptop = create("laptop", Instant{1'900'000'000'000});
  const std::string last = create("last");
  TokenFile file(path());
  ASSERT_TRUE(file.find(laptop, now));
  const auto listed = TokenFile::list(path());
  ASSERT_EQ(listed->size(), 3U);
  EXPECT_EQ((*listed)[1].owner.name, "laptop");
  EXPECT_EQ((*listed)[1].expires, Instant{1'900'000'000'000});

  ASSERT_TRUE(TokenFile::revoke(path(), "laptop"));
  EXPECT_FALSE(file.find(laptop, now)) << "in the same tick of the clock too";
  EXPECT_TRUE(file.find(first, now));
  EXPECT_TRUE(file.find(last, now));
  EXPECT_EQ(TokenFile::list(path())->size(), 2U);
  EXPECT_EQ(TokenFile::revoke(path(), "laptop").error().code, Code::not_found);
  EXPECT_NE(create("laptop"), laptop);
  EXPECT_FALSE(file.find(laptop, now));
}

TEST_F(TokensTest, WhereThereIsNoFileThereIsNothingToListOrRevoke) {
  EXPECT_TRUE(TokenFile::list(path())->empty());
  EXPECT_EQ(TokenFile::revoke(path(), "laptop").error().code, Code::not_found);
}

TEST_F(TokensTest, WrongTokensAreRefused) {
  std::string token = create("laptop");
  TokenFile file(path());
  token.back() = token.back() == '0' ? '1' : '0';
  for (const std::string& wrong : {token, std::string(), std::string("sovren_"), token + "0"}) {
    const auto owner = file.find(wrong, now);
    ASSERT_FALSE(owner);
    EXPECT_EQ(owner.error().code, Code::refused);
  }
  EXPECT_FALSE(file.find(content().substr(23, 64), now)) << "the stored hash is no token";
}

TEST_F(TokensTest, ExpiresOnTheMoment) {
  const std::string token = create("laptop", now + 10);
  TokenFile file(path());
  EXPECT_TRUE(file.find(token, now + 9.999));
  const auto late = file.find(token, now + 10);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().what, HasSubstr("expired"));
}

TEST_F(TokensTest, RemovedLineIsRefusedFromThenOn) {
  const std::string token = create("laptop");
  TokenFile file(path());
  ASSERT_TRUE(file.find(token, now));
  replace("# none left\n");
  EXPECT_FALSE(file.find(token, now));
  std::filesystem::remove(path());
  EXPECT_FALSE(file.find(token, now));
  const std::string next = create("laptop");
  EXPECT_TRUE(file.find(next, now));
}

TEST_F(TokensTest, FileThatOthersMayReadIsNotBelieved) {
  const std::string token = create("laptop");
  TokenFile file(path());
  ::chmod(path().c_str(), 0640);
  replace(content() + "# changed\n");
  ::chmod(path().c_str(), 0640);
  const auto owner = file.find(token, now);
  ASSERT_FALSE(owner);
  EXPECT_THAT(owner.error().hint, HasSubstr("chmod 600"));
}

TEST_F(TokensTest, DamagedLineIsLocatedAndNothingIsAccepted) {
  const std::string token = create("laptop");
  const std::string good = content();
  const std::string hash(64, 'a');
  for (const std::string& bad :
       {std::string("x"), "a b read " + hash, "a b read " + hash + " never more",
        "a scheduler:grace read " + hash + " never", "a b root " + hash + " never",
        "a b read,read " + hash + " never", "a b read " + hash.substr(1) + " never",
        "a b read " + std::string(64, 'A') + " never", "a b read " + hash + " tomorrow"}) {
    replace(good + bad + "\n");
    TokenFile file(path());
    const auto owner = file.find(token, now);
    ASSERT_FALSE(owner) << bad;
    EXPECT_EQ(owner.error().where, path() + ":2") << bad;
  }
}

TEST_F(TokensTest, NamesAreCheckedAndNotTakenTwice) {
  create("laptop");
  const auto code_of = [&](const TokenOwner& owner) {
    const auto token = TokenFile::create(path(), owner, {});
    return token ? Code::bug : token.error().code;
  };
  EXPECT_EQ(code_of({.name = "laptop", .user = "bob", .scopes = {Scope::read}}), Code::usage);
  EXPECT_EQ(code_of({.name = "a b", .user = "bob", .scopes = {Scope::read}}), Code::usage);
  EXPECT_EQ(code_of({.name = "a", .user = "bob\nroot", .scopes = {Scope::read}}), Code::usage);
  EXPECT_EQ(code_of({.name = "", .user = "bob", .scopes = {Scope::read}}), Code::usage);
  EXPECT_EQ(code_of({.name = "a", .user = "bob", .scopes = {}}), Code::usage);
  EXPECT_FALSE(TokenFile::create(folder_.at("no/tokens"),
                                 {.name = "a", .user = "b", .scopes = {Scope::read}}, {}));
}

TEST(Scopes, AreReadFromWords) {
  EXPECT_EQ(*parse_scopes("node,operate"), (std::set{Scope::operate, Scope::node}));
  for (const char* wrong : {"", "root", "read,", "read,read", "read submit"})
    EXPECT_FALSE(parse_scopes(wrong)) << wrong;
}

}  // namespace
}  // namespace sovren::api
