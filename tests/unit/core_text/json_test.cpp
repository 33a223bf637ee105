// SPDX-License-Identifier: Apache-2.0
#include "core/text/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/text/event_json.h"
#include "core/text/report_json.h"

namespace sovren::text {
namespace {

std::string fault(std::string_view text) {
  const auto json = parse_json(text, "x.json", 4);
  return json ? "fine: " + dump_json(*json) : to_text(json.error());
}

TEST(Json, ReadsAndWritesInOrder) {
  const std::string text =
      R"({"b":1,"a":[null,true,-2,18446744073709551615,0.1,"é\n"],"c":{"d":{}}})";
  const auto json = parse_json(text, "x");
  ASSERT_TRUE(json);
  EXPECT_EQ(dump_json(*json), text);
}

TEST(Json, LocatesWhatIsAgainstTheGrammar) {
  EXPECT_EQ(fault("{\n  \"a\": 1,\n  \"b\" 2\n}").find("x.json:3:7: no valid JSON: "), 0u)
      << fault("{\n  \"a\": 1,\n  \"b\" 2\n}");
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\":}", "tru", "1 2", "\"\xFF\"", "nan", "01",
                           "\"\\ud800\"", "1e999"})
    EXPECT_EQ(fault(text).find("x.json:1:"), 0u) << text << ": " << fault(text);
}

TEST(Json, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(fault(R"({"a":[0,{"b":1,"c":2,"b":3}]})"),
            "x.json: no valid JSON: the key 'b' stands twice at /a/1/b");
  EXPECT_EQ(fault(R"({"a":{"a":1},"b":{"a":1}})"), R"(fine: {"a":{"a":1},"b":{"a":1}})");
}

TEST(Json, BoundsItsDepth) {
  EXPECT_EQ(fault("[[[[1]]]]"), "fine: [[[[1]]]]");
  EXPECT_EQ(fault("[[[[[1]]]]]"), "x.json: no valid JSON: values nest more than 4 deep");
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['), "x"));
}

TEST(Json, WritesNoNumberThatJsonDoesNotHave) {
  const Json json = {{"a", std::nan("")}, {"b", std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(dump_json(json), R"({"a":null,"b":null})");
  EXPECT_EQ(dump_json(Json("\xFF")), "\"\xEF\xBF\xBD\"");
}

TEST(Json, GettersNameWhatIsWrong) {
  const auto json = parse_json(R"({"s":"x","i":3,"d":0.5,"u":18446744073709551615,"b":true,
    "o":{"a/b":[1,{"k":7}]}})",
                               "x");
  ASSERT_TRUE(json);
  EXPECT_EQ(get_string(*json, "s").value(), "x");
  EXPECT_EQ(get_int(*json, "i").value(), 3);
  EXPECT_EQ(get_double(*json, "i").value(), 3.0);
  EXPECT_EQ(get_double(*json, "d").value(), 0.5);
  EXPECT_EQ(get_bool(*json, "b").value(), true);
  EXPECT_EQ(get_int(*json, "/o/a~1b/1/k").value(), 7);
  EXPECT_EQ(get_int(*json, "d").error().what, "/d must be a whole number of 64 bits, got 0.5");
  EXPECT_EQ(get_int(*json, "u").error().what,
            "/u must be a whole number of 64 bits, got 18446744073709551615");
  EXPECT_EQ(get_string(*json, "i").error().what, "/i must be a string, got 3");
  EXPECT_EQ(get_double(*json, "s").error().what, "/s must be a number, got \"x\"");
  EXPECT_EQ(get_bool(*json, "i").error().what, "/i must be true or false, got 3");
  EXPECT_EQ(get_string(*json, "z").error().what, "/z is missing");
  EXPECT_EQ(get_int(*json, "/o/a~1b/9").error().what, "/o/a~1b/9 is missing");
  EXPECT_EQ(get_int(*json, "/o/a~1b/x").error().what, "/o/a~1b/x is missing");
  EXPECT_EQ(get_string(Json::array(), "s").error().code, Code::data_invalid);
}

TEST(ErrorJson, KeepsEveryCodeAndDropsWhatIsEmpty) {
  for (int code = 0; code <= static_cast<int>(Code::bug); ++code) {
    const Error error{.code = static_cast<Code>(code), .what = "w"};
    EXPECT_EQ(error_from_json(error_to_json(error)).value(), error);
  }
  EXPECT_EQ(dump_json(error_to_json({.code = Code::device, .what = "w"})),
            R"({"code":"device","what":"w"})");
  EXPECT_EQ(error_from_json(parse_json(R"({"code":"of a later version","what":"w"})", "x").value())
                .value()
                .code,
            Code::bug);
  for (const char* bad :
       {"{}", "[]", "3", R"({"code":"bug"})", R"({"code":1,"what":"w"})",
        R"({"code":"bug","what":"w","context":[1]})", R"({"code":"bug","what":"w","hint":1})"})
    EXPECT_FALSE(error_from_json(parse_json(bad, "x").value())) << bad;
}

std::string event_fault(std::string_view line) {
  const auto event = event_from_json(line);
  if (event) return "fine: " + event_to_json(*event);
  EXPECT_EQ(event.error().code, Code::storage_corrupt);
  return event.error().what;
}

TEST(EventJson, IsTheStoredForm) {
  const Event event{.seq = {7}, .at = {12}, .body = AttemptStarted{{3}, 2, "n", 4}};
  EXPECT_EQ(event_to_json(event), R"({"v":1,"event":"attempt_started","at":12,"seq":7,"job":3,)"
                                  R"("attempt":2,"node":"n","ranks":4})");
}

TEST(EventJson, IgnoresUnknownFieldsAndFillsInMissingOnes) {
  const auto event = event_from_json(
      R"({"v":1,"event":"attempt_ended","at":1,"seq":2,"job":3,"attempt":1,"ending":"done",)"
      R"("new":[1]})");
  ASSERT_TRUE(event) << to_text(event.error());
  EXPECT_EQ(event->body, EventBody(AttemptEnded{{3}, 1, Ending::done, 0, std::nullopt}));
}

TEST(EventJson, SaysWhatIsWrongWithARecord) {
  const std::string head = "an event of the log: ";
  EXPECT_EQ(event_fault("{"), head +
                                  "event:1:2: no valid JSON: syntax error while parsing object "
                                  "key - unexpected end of input; expected string literal");
  EXPECT_EQ(event_fault("{}"), head + "/v is missing");
  EXPECT_EQ(event_fault(R"({"v":2,"event":"node_left","at":1,"seq":2})"),
            head + "version 2 is not known; this reads 1");
  EXPECT_EQ(event_fault(R"({"v":1,"event":"job_eaten","at":1,"seq":2})"),
            head + "'job_eaten' is not known to this version");
  EXPECT_EQ(event_fault(R"({"v":1,"event":"node_left","at":1,"seq":2})"),
            head + "node_left: /node is missing");
  EXPECT_EQ(event_fault(R"({"v":1,"event":"node_left","at":1.5,"seq":2,"node":"n"})"),
            head + "/at must be a whole number of 64 bits, got 1.5");
  EXPECT_EQ(
      event_fault(
          R"({"v":1,"event":"node_joined","at":1,"seq":2,"node":"n","resources":{"cpus":"x"}})"),
      head + "node_joined: /resources/cpus must be a whole number in range");
  EXPECT_EQ(event_fault(R"({"v":1,"event":"job_ended","at":1,"seq":2,"job":3,"state":"ATE"})"),
            head + "job_ended: /state must be a name of a job state");
  EXPECT_EQ(event_fault(R"({"v":1,"event":"job_submitted","at":1,"seq":2,"job":3,"dir":"/d",)"
                        R"("spec_digest":"x","spec":"kind = 3"})"),
            head +
                "job_submitted: spec:1:8: kind must be causal-analysis, model-training, rendering "
                "or command, "
                "got 3\n"
                "  hint: write: kind = \"causal-analysis\"");
  EXPECT_EQ(event_fault("[1]"), head + "/v is missing");
}

TEST(ReportJson, SaysWhatIsWrongWithALine) {
  const auto what = [](std::string_view line) {
    const auto report = report_from_json(line);
    if (report) return "fine: " + report_to_json(*report);
    EXPECT_EQ(report.error().code, Code::data_invalid);
    return report.error().what;
  };
  const std::string head = "a rank's report: ";
  EXPECT_EQ(
      what(R"({"v":1,"report":"sealed","step":3,"more":true})"),
      R"(fine: {"v":1,"report":"sealed","step":3,"size_bytes":0,"seal_s":0.0,"blocked_s":0.0})");
  EXPECT_EQ(what(R"({"v":1,"report":"sealed"})"), head + "sealed: /step is missing");
  EXPECT_EQ(what(R"({"v":1,"report":"dance"})"), head + "'dance' is not known to this version");
  EXPECT_EQ(what(R"({"v":9,"report":"sealed","step":3})"),
            head + "version 9 is not known; this reads 1");
  EXPECT_EQ(what(R"({"report":"sealed"})"), head + "/v is missing");
  EXPECT_EQ(what(R"({"v":1,"report":"progress","step":1,"fraction":0,"metrics":{"a":"x"}})"),
            head + "progress: /metrics/a must be a number");
}

TEST(ReportJson, ReadsNanBackFromNull) {
  ReportProgress report;
  report.progress.metrics["loss"] = std::numeric_limits<double>::infinity();
  const auto read = report_from_json(report_to_json(report));
  ASSERT_TRUE(read);
  EXPECT_TRUE(std::isnan(std::get<ReportProgress>(*read).progress.metrics.at("loss")));
}

}  // namespace
}  // namespace sovren::text
