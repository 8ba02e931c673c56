// Goal: exactly the documents of RFC 8259 within the limits are read, exactly as they stand, and
// every other text gives an error with its place and a remedy.
#include "json/parse.h"

#include <bit>
#include <cmath>
#include <ctime>
#include <limits>
#include <locale>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "json/write.h"

namespace tokenscaler::json {
namespace {

Value read(std::string_view text) {
  Result<Value> value = parse(text);
  EXPECT_TRUE(value.has_value()) << text.substr(0, 100) << ": " << value.error().to_string();
  return value ? *value : Value();
}

std::string complaint(std::string_view text, const Limits& limits = {}) {
  const Result<Value> value = parse(text, limits);
  if (value) return "accepted";
  EXPECT_FALSE(value.error().advice.empty()) << text.substr(0, 100);
  return value.error().to_string();
}

TEST(JsonParse, ReadsEveryKindOfValue) {
  EXPECT_EQ(read("null"), Value());
  EXPECT_EQ(read(" true\n"), Value(true));
  EXPECT_EQ(read("-17"), Value(-17));
  EXPECT_EQ(read("1.5e3"), Value(1500.0));
  EXPECT_EQ(read("\"\""), Value(""));
  EXPECT_EQ(read("[]"), Value(Array{}));
  EXPECT_EQ(read("{}"), Value(Object{}));
  EXPECT_EQ(read(R"({"b":[1,{"c":null}],"a":"x"})"),
            Value(Object{{"a", "x"}, {"b", Array{1, Object{{"c", nullptr}}}}}));
}

TEST(JsonParse, FindsMembersAndNothingElse) {
  const Value value = read(R"({"metadata":{"name":"a","labels":{}},"spec":[1]})");
  ASSERT_NE(value.find("metadata", "name"), nullptr);
  EXPECT_EQ(*value.find("metadata", "name")->string(), "a");
  EXPECT_EQ(value.find("metadata", "uid"), nullptr);
  EXPECT_EQ(value.find("spec", "name"), nullptr);
  EXPECT_EQ(value.find("metadata", "name", "deeper"), nullptr);
  EXPECT_EQ(Value(1).string(), nullptr);
  EXPECT_FALSE(Value("1").integer().has_value());
}

TEST(JsonParse, KeepsIntegersExactly) {
  EXPECT_EQ(read("9223372036854775807").integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read("-9223372036854775808").integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read("9007199254740993").integer(), 9007199254740993);
  EXPECT_EQ(read("-0").integer(), 0);
  EXPECT_EQ(read("9223372036854775808"), Value(9223372036854775808.0));
  EXPECT_EQ(read("18446744073709551616"), Value(18446744073709551616.0));
  EXPECT_EQ(read("-9223372036854775809"), Value(-9223372036854775808.0));
  EXPECT_EQ(read(std::string(300, '9')).type(), Type::Number);
}

TEST(JsonParse, ReadsDoublesToTheNearest) {
  EXPECT_EQ(read("1.0"), Value(1.0));
  EXPECT_EQ(read("0.1"), Value(0.1));
  EXPECT_EQ(read("1E+2"), Value(100.0));
  EXPECT_EQ(read("0.1000000000000000055511151231257827"), Value(0.1));
  EXPECT_EQ(read("9007199254740993.0"), Value(9007199254740992.0));
  EXPECT_TRUE(std::signbit(*read("-0.0").number()));
}

TEST(JsonParse, DecodesEscapes) {
  EXPECT_EQ(read(R"("\"\\\/\b\f\n\r\t")"), Value("\"\\/\b\f\n\r\t"));
  EXPECT_EQ(read(R"("\u0041\u00e4\u20AC\ud83d\ude00")"),
            Value("A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_EQ(read(R"("a\u0000b")"), Value(std::string("a\0b", 3)));
  EXPECT_EQ(read("\"\xf0\x9f\x98\x80 \x7f\""), Value("\xf0\x9f\x98\x80 \x7f"));
}

TEST(JsonParse, RefusesBrokenSyntaxAtItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "1:1: the text ends where a value is expected (is the document complete?)"},
      {" \n ", "2:2: the text ends where a value is expected (is the document complete?)"},
      {"{\n  \"a\": 1,\n}",
       "3:1: '}' stands where a key in double quotes is expected (correct the JSON syntax there)"},
      {"[1,]", "1:4: ']' stands where a value is expected (correct the JSON syntax there)"},
      {"[1 2]", "1:4: '2' stands where ',' or ']' is expected (correct the JSON syntax there)"},
      {"[1", "1:3: the text ends where ',' or ']' is expected (is the document complete?)"},
      {"{\"a\" 1}", "1:6: '1' stands where ':' is expected (correct the JSON syntax there)"},
      {"{\"a\":1", "1:7: the text ends where ',' or '}' is expected (is the document complete?)"},
      {"{a:1}",
       "1:2: 'a' stands where a key in double quotes is expected (correct the JSON syntax there)"},
      {"'a'", "1:1: ''' stands where a value is expected (correct the JSON syntax there)"},
      {"tru",
       "1:1: 't' stands where a value such as true is expected (correct the JSON syntax there)"},
      {"NaN", "1:1: 'N' stands where a value is expected (correct the JSON syntax there)"},
      {"-", "1:2: the text ends where a digit is expected (is the document complete?)"},
      {"1.", "1:3: the text ends where a digit is expected (is the document complete?)"},
      {".5", "1:1: '.' stands where a value is expected (correct the JSON syntax there)"},
      {"+1", "1:1: '+' stands where a value is expected (correct the JSON syntax there)"},
      {"1e", "1:3: the text ends where a digit is expected (is the document complete?)"},
      {"0x10", "1:2: text follows the document (remove everything after the end)"},
      {"[01]", "1:2: a number starts with 0 (remove the leading zeros)"},
      {"[-007]", "1:2: a number starts with 0 (remove the leading zeros)"},
      {"1 2", "1:3: text follows the document (remove everything after the end)"},
      {"{} {}", "1:4: text follows the document (remove everything after the end)"},
      {"/* c */ 1", "1:1: '/' stands where a value is expected (correct the JSON syntax there)"},
      {"\"abc", "1:1: a string does not end (close it with \")"},
      {"\"abc\\", "1:5: a backslash starts no known escape (write \\\\ for a backslash)"},
      {"\"a\nb\"", "1:3: a control character stands in a string (write it as \\n or \\u00XX)"},
      {"\"\\x41\"", "1:2: a backslash starts no known escape (write \\\\ for a backslash)"},
      {"\"\\u12G4\"", "1:2: \\u needs four hexadecimal digits (write \\u0041 for A)"},
      {"\"\\u12", "1:2: \\u needs four hexadecimal digits (write \\u0041 for A)"},
      {"\xEF\xBB\xBF{}", "1:1: a byte order mark stands before the document (save it without BOM)"},
      {"[\"\xc3\xa4\xc3\xa4\", x]",
       "1:8: 'x' stands where a value is expected (correct the JSON syntax there)"},
      {std::string("[\0]", 3),
       "1:2: '?' stands where a value is expected (correct the JSON syntax there)"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(complaint(text), expected);
}

TEST(JsonParse, RefusesTextThatIsNotUtf8) {
  for (const std::string bytes :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82"}) {
    EXPECT_EQ(complaint("[\"ab" + bytes + "\"]"),
              "1:5: a string is not valid UTF-8 (encode it as UTF-8)");
  }
  for (const std::string lone : {R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", R"("\ud83d\n")",
                                 R"("\ud83d\u0041")", R"("\ud83d\ud83d")"}) {
    EXPECT_EQ(complaint(lone),
              "1:2: half of a surrogate pair stands alone (write both halves, or the character)")
        << lone;
  }
}

TEST(JsonParse, RefusesNumbersThatNoDoubleHolds) {
  for (const std::string text :
       {"1e400", "-1e400", "1e309", "123456789e400", "0.0001e400", "1e99999999999999999999"}) {
    EXPECT_NE(complaint(text).find("is too large"), std::string::npos) << text;
  }
  EXPECT_NE(complaint(std::string(400, '1')).find("1:1: the number 111"), std::string::npos);
  EXPECT_EQ(complaint(std::string(400, '1') + ".5").substr(0, 14), "1:1: the numbe");
  // Too small is 0 in every reader, and nothing is lost that a decision could see.
  for (const std::string text :
       {"1e-400", "0e400", "0.0e99999999999999999999", "1e-99999999999999999999"}) {
    ASSERT_TRUE(read(text).number().has_value()) << text;
    EXPECT_EQ(*read(text).number(), 0.0) << text;
  }
  EXPECT_EQ(read("0." + std::string(400, '0') + "1").number(), 0.0);
  EXPECT_EQ(read("1.7976931348623157e308").number(), std::numeric_limits<double>::max());
  EXPECT_EQ(read("5e-324").number(), std::numeric_limits<double>::denorm_min());
}

TEST(JsonParse, RefusesDuplicateKeysHoweverTheyAreWritten) {
  EXPECT_EQ(complaint("{\"a\":1,\n \"a\":2}"),
            "2:2: the key \"a\" is given twice, first at 1:2 (remove one of them)");
  EXPECT_EQ(complaint(R"({"a":1,"b":2,"\u0061":3})"),
            "1:14: the key \"a\" is given twice, first at 1:2 (remove one of them)");
  EXPECT_EQ(complaint(R"([{"x":{"\n":1,"\u000a":1}}])").substr(0, 5), "1:15:");
  EXPECT_EQ(read(R"({"a":{"a":{"a":1}},"b":{"a":1}})").find("b", "a")->integer(), 1);
  EXPECT_EQ(read(R"({"a":1,"A":2,"":3})").object()->size(), 3U);
}

TEST(JsonParse, LimitsBytesDepthAndValues) {
  const Limits limits{.bytes_max = 20, .depth_max = 3, .values_max = 5};
  EXPECT_EQ(complaint("[[[]]]", limits), "accepted");
  EXPECT_EQ(complaint("[[[[]]]]", limits),
            "1:4: lists and objects are nested more than 3 deep (no valid document is)");
  EXPECT_EQ(complaint("[[[{}]]]", limits).substr(0, 4), "1:4:");
  EXPECT_EQ(complaint("[1,2,3,4]", limits), "accepted");
  EXPECT_EQ(complaint("[1,2,3,4,5]", limits),
            "1:10: the document has more than 5 values (ask for less at a time)");
  EXPECT_EQ(complaint("\"123456789012345678\"", limits), "accepted");
  EXPECT_EQ(complaint("\"1234567890123456789\"", limits),
            "the document has 21 bytes, more than the limit of 20 (ask for less at a time)");
  EXPECT_EQ(parse("[[[[]]]]", limits).error().code, ErrorCode::LimitExceeded);
}

TEST(JsonParse, DepthAttacksAndHugeBodiesAreRefusedAtOnce) {
  for (const std::string opening : {"[", "{\"a\":"}) {
    std::string attack;
    for (int i = 0; i < 100'000; ++i) attack += opening;
    EXPECT_NE(complaint(attack).find("nested more than 64 deep"), std::string::npos);
  }
  // The parser behind the scan has its own limit of 128: a larger wish is cut to it.
  const std::string deep = std::string(128, '[') + std::string(128, ']');
  EXPECT_EQ(complaint(deep, {.depth_max = 1000}), "accepted");
  EXPECT_NE(complaint('[' + deep + ']', {.depth_max = 1000}).find("nested more than 128 deep"),
            std::string::npos);
  EXPECT_NE(complaint(std::string(100'000'000, ' ')).find("more than the limit of"),
            std::string::npos);
  EXPECT_NE(complaint('[' + std::string(30'000'000, ',') + ']').find("1:2:"), std::string::npos);
}

// Method: every string of up to five characters from an alphabet that makes all token kinds; the
// scan and the parser behind it agree, or this finds an Internal error; what is read prints and
// reads back.
TEST(JsonParse, EveryShortTextIsReadOrRefusedCleanly) {
  constexpr std::string_view kAlphabet = "[]{}:,\"\\u0-1.e a";
  std::string text;
  int accepted = 0;
  const auto visit = [&](const auto& self, int left) -> void {
    const Result<Value> value = parse(text);
    if (value) {
      ++accepted;
      ASSERT_EQ(read(*write(*value)), *value) << text;
    } else {
      ASSERT_NE(value.error().code, ErrorCode::Internal)
          << text << ": " << value.error().to_string();
    }
    if (left == 0) return;
    for (const char c : kAlphabet) {
      text.push_back(c);
      self(self, left - 1);
      text.pop_back();
    }
  };
  visit(visit, 4);
  EXPECT_GT(accepted, 100);
}

Value random_value(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3: {
      const auto number = std::bit_cast<double>(static_cast<std::uint64_t>(random()));
      return std::isfinite(number) ? number : 0.5;
    }
    case 4: {
      std::string text;
      for (auto length = random() % 8; length > 0; --length) {
        const std::vector<std::string> pieces = {
            "a", "\"", "\\", "\n", "\x01", "\x7f", "ä", "€", "😀", "/", std::string(1, '\0')};
        text += pieces[random() % pieces.size()];
      }
      return text;
    }
    case 5: {
      Array array;
      for (auto length = random() % 5; length > 0; --length)
        array.push_back(random_value(random, depth - 1));
      return array;
    }
    default: {
      Object object;
      for (auto length = random() % 5; length > 0; --length) {
        object.set(fmt::format("k{}", random() % 20), random_value(random, depth - 1));
      }
      return object;
    }
  }
}

TEST(JsonParse, RandomValuesSurviveTheRoundTripInEveryLocale) {
  class Comma : public std::numpunct<char> {
    [[nodiscard]] char do_decimal_point() const override { return ','; }
    [[nodiscard]] char do_thousands_sep() const override { return '.'; }
    [[nodiscard]] std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale(), new Comma));
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const Value value = random_value(random, 5);
    for (const Layout layout : {Layout::Compact, Layout::Indented}) {
      const Result<std::string> text = write(value, layout);
      ASSERT_TRUE(text.has_value());
      ASSERT_EQ(read(*text), value) << *text;
    }
  }
  std::locale::global(before);
}

// A grouped answer of 20 MB; CPU time, so that other work on the machine does not count. A release
// build takes about 0.6 s; the bound leaves room for sanitizers.
TEST(JsonParse, ReadsALargePrometheusAnswerInTime) {
  std::string text = R"({"status":"success","data":{"resultType":"vector","result":[)";
  int series = 0;
  while (text.size() < 20'000'000) {
    text += fmt::format(
        R"({}{{"metric":{{"namespace":"team-{}","pod":"llama-70b-{:06}","model_name":"meta/llama"}},"value":[1766000000.123,"{}.5"]}})",
        series == 0 ? "" : ",", series % 50, series, series);
    ++series;
  }
  text += "]}}";
  const std::clock_t start = std::clock();
  const Value value = read(text);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_EQ(value.find("data", "result")->array()->size(), static_cast<std::size_t>(series));
  RecordProperty("seconds", std::to_string(seconds));
  fmt::print("{} bytes, {} series: {:.2f} s\n", text.size(), series, seconds);
  EXPECT_LT(seconds, 20.0);
}

}  // namespace
}  // namespace tokenscaler::json
