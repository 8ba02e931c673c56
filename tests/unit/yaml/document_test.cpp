// Goal: YAML becomes the value that the same JSON becomes, each field knows its line, and hostile
// files end in an error that says where and what to do.
#include "yaml/document.h"

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "json/parse.h"

namespace tokenscaler::yaml {
namespace {

json::Value read(std::string_view text) {
  const auto documents = parse(text);
  EXPECT_TRUE(documents.has_value()) << text << ": " << documents.error().to_string();
  if (!documents) return {};
  EXPECT_EQ(documents->size(), 1U) << text;
  return documents->empty() ? json::Value() : documents->front().value;
}

std::string complaint(std::string_view text, const Limits& limits = {}) {
  const auto documents = parse(text, limits);
  if (documents) return "accepted";
  EXPECT_FALSE(documents.error().advice.empty()) << text.substr(0, 100);
  return documents.error().to_string();
}

TEST(YamlParse, MakesTheSameValueAsJson) {
  const std::string yaml = R"(
# a comment
apiVersion: tokenscaler.io/v1alpha1
metadata: {name: llama, labels: {"app.kubernetes.io/name": "70"}}
spec:
  text: "yes"
  single: '007'
  block: |
    two
    lines
  folded: >-
    one
    line
  nothing: ~
  empty:
  list:
  - 1
  - 2.5
  - - nested
  paused: no
)";
  const json::Value expected = json::parse(R"({
    "apiVersion": "tokenscaler.io/v1alpha1",
    "metadata": {"name": "llama", "labels": {"app.kubernetes.io/name": "70"}},
    "spec": {"text": "yes", "single": "007", "block": "two\nlines\n", "folded": "one line", "nothing": null,
             "empty": null, "list": [1, 2.5, ["nested"]], "paused": false}})")
                                   .value();
  EXPECT_EQ(read(yaml), expected);
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a: 1\r\nb: 2\r\n"),
            (json::Object{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(read(R"({"a": [1, "x", null, true], "b": {}})"),
            json::parse(R"({"a": [1, "x", null, true], "b": {}})").value());
  EXPECT_EQ(read("a: 'null'\nb: \"~\"\nc: !  5"),
            (json::Object{{"a", "null"}, {"b", "~"}, {"c", "5"}}));
}

TEST(YamlParse, KnowsWhereEachFieldStands) {
  const auto documents = parse(R"(spec:
  metrics:
    windowSeconds: 60
  behavior: {scaleUp: {policies: [{type: Pods},
    {type: Percent}]}}
  "a.b/c": x
  ü: {z: 1}
  list:
  - name: first
  -   name: second
)")
                             .value();
  const SourceMap& source = documents.at(0).source;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"spec", "1:1"},
      {"spec.metrics", "2:3"},
      {"spec.metrics.windowSeconds", "3:5"},
      {"spec.behavior.scaleUp.policies[0].type", "4:36"},
      {"spec.behavior.scaleUp.policies[1].type", "5:6"},
      {"spec[\"a.b/c\"]", "6:3"},
      {"spec[\"ü\"].z", "7:7"},
      {"spec.list[0]", "9:5"},
      {"spec.list[0].name", "9:5"},
      {"spec.list[1].name", "10:7"},
      {"spec.list[7].name", "8:3"},
      {"spec.metrics.window", "2:3"},
      {"spec.mode", "1:1"},
      {"metadata.name", "1:1"},
      {"", "1:1"},
  };
  for (const auto& [path, expected] : cases)
    EXPECT_EQ(source.find(path).to_string(), expected) << path;
}

TEST(YamlParse, ReadsEveryDocumentOfAFile) {
  const auto documents =
      parse("# first\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n---\n[3]\n").value();
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[0].value, (json::Object{{"a", 1}}));
  EXPECT_EQ(documents[0].line, 2U);
  EXPECT_EQ(documents[1].value, (json::Object{{"b", 2}}));
  EXPECT_EQ(documents[1].line, 6U);
  EXPECT_EQ(documents[1].source.find("b").to_string(), "7:1");
  EXPECT_EQ(documents[2].value, (json::Array{3}));
  EXPECT_EQ(documents[2].line, 9U);
  EXPECT_TRUE(parse("").value().empty());
  EXPECT_TRUE(parse("---\n# nothing\n").value().empty());
}

TEST(YamlParse, ResolvesAnchorsWithinADocument) {
  EXPECT_EQ(read("a: &x {p: [1]}\nb: *x\nc: [*x, &y s, *y]"),
            json::parse(R"({"a":{"p":[1]},"b":{"p":[1]},"c":[{"p":[1]},"s","s"]})").value());
  EXPECT_EQ(read("&k key: 1\nb: *k"), (json::Object{{"key", 1}, {"b", "key"}}));
  EXPECT_NE(complaint("a: &x 1\n---\nb: *x").find("3:"), std::string::npos);
  EXPECT_NE(complaint("a: *nowhere").find("1:4: an alias names no anchor"), std::string::npos);
  EXPECT_EQ(complaint("a: &x [*x]"),
            "1:8: an alias stands within the value that it names (write the value out)");
}

TEST(YamlParse, RefusesWhatReadersUnderstandDifferently) {
  EXPECT_EQ(complaint("a: 1\nb:\n  c: 1\n  c: 2\n"),
            "4:3: the key \"c\" is given twice, first at 3:3 (remove one of them)");
  EXPECT_EQ(complaint("a: 1\n\"a\": 2\n"),
            "2:1: the key \"a\" is given twice, first at 1:1 (remove one of them)");
  EXPECT_EQ(complaint("{a: 1, a: 2}"),
            "1:8: the key \"a\" is given twice, first at 1:2 (remove one of them)");
  EXPECT_EQ(complaint("on: 1"), "1:1: the key on is not text to YAML (put the key in quotes)");
  EXPECT_EQ(complaint("1: 1"), "1:1: the key 1 is not text to YAML (put the key in quotes)");
  EXPECT_EQ(complaint("~: 1"), "1:1: a key is missing or no text (put the key in quotes)");
  EXPECT_EQ(complaint("y: 1"), "1:1: the key y is not text to YAML (put the key in quotes)");
  EXPECT_EQ(complaint("? [a]\n: 1").substr(0, 36), "1:3: a list or an object stands wher");
  EXPECT_EQ(complaint("name: {{ .Values.name }}"),
            "1:8: double braces stand in the text: this is a template (render it first, for "
            "example with `helm template`)");
  EXPECT_EQ(complaint("a: &x {b: 1}\n<<: *x"),
            "2:1: merge keys (<<) are not supported (write the fields out)");
  EXPECT_EQ(
      complaint("a: !!str 5"),
      "1:4: the tag tag:yaml.org,2002:str is not supported (remove the tag; put text in quotes)");
  EXPECT_EQ(complaint("a: !!python/object:os.system {}").substr(0, 13), "1:4: the tag ");
  EXPECT_EQ(complaint("a: !env [x]"),
            "1:4: the tag !env is not supported (remove the tag; put text in quotes)");
  EXPECT_EQ(complaint("a: 1\nb: 007").substr(0, 40), "2:4: 007 means different numbers to diff");
}

TEST(YamlParse, RefusesBrokenSyntaxAtItsPlace) {
  EXPECT_EQ(complaint("spec:\n\tmode: Scale\n"),
            "2:1: a tab stands in the indentation (indent with spaces)");
  EXPECT_EQ(complaint("spec:\n  a: 1\n \tmode: Scale\n"),
            "3:2: a tab stands in the indentation (indent with spaces)");
  for (const auto& [text, line] :
       std::vector<std::pair<std::string, std::string>>{{"a: [1, 2\nb: 3\n", "2:"},
                                                        {"a: 'x\n", "2:"},
                                                        {"a: b: c\n", "1:"},
                                                        {"a: 1\n  b: 2\n", "2:"},
                                                        {"a: 1\n b: 2\n", "2:"},
                                                        {"- a\nb: 1\n", "2:"},
                                                        {"a: }\n", "1:"},
                                                        {"%YAML 9.9\n---\na: 1", "1:"},
                                                        {"a: \"\\q\"", "1:"},
                                                        {"a: @x", "1:"},
                                                        {"[1] [2]", "1:"},
                                                        {"a: \"\\ud83d\\ude00\"", "1:"}}) {
    const std::string text_of_error = complaint(text);
    EXPECT_EQ(text_of_error.substr(0, 2), line) << text << " gives " << text_of_error;
  }
  EXPECT_EQ(complaint("a:\n  b: {c: [1, 2\n"),
            "2:14: no colon follows the key 2 (write `name: value`, or close the list or object "
            "opened at 2:10)");
  EXPECT_EQ(complaint("a:\n  b: {c: [1, [2]\n"),
            "3:1: a bracket [ is not closed, which was opened at 2:10 (close it with ])");
  // yaml-cpp alone would take the end of the file for the closing quote.
  for (const std::string text : {"a: 'x\n", "a: \"x\n\n", "'\n", "- \"x\n- y\n", "a: 'x\nb: y"}) {
    EXPECT_NE(complaint(text).find("a string in quotes is not closed"), std::string::npos) << text;
  }
  EXPECT_EQ(read("a: |+\n  x\n\n"), (json::Object{{"a", "x\n\n"}}));
  EXPECT_EQ(read("a: |\n  x"), (json::Object{{"a", "x\n"}}));
  EXPECT_EQ(read("a: x\n...\n"), (json::Object{{"a", "x"}}));
  EXPECT_EQ(complaint("a: x\xff"), "1:5: the text is not valid UTF-8 (save the file as UTF-8)");
  EXPECT_EQ(complaint(std::string("a: x\0", 5)),
            "1:5: a control character stands in the text (remove it; is this a YAML file?)");
  EXPECT_EQ(complaint("a: \x1b[2J").substr(0, 26), "1:4: a control character s");
}

TEST(YamlParse, RefusesExpansionBombs) {
  std::string laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += fmt::format(
        "a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_NE(complaint(laughs).find("more than 100000 values, aliases counted in full"),
            std::string::npos);
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 70; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_NE(complaint(deep).find("nested more than 64 deep"), std::string::npos);
}

// Each alias is one value, and yet half a megabyte: 25 GB in all.
TEST(YamlParse, RefusesAliasesOfLongText) {
  const std::string text(500'000, 'x');
  for (const std::string& anchor : {"- &a " + text, "- &a {k: \"" + text + "\"}",
                                    "- &a {? \"" + text.substr(0, 1'000) + "\" : 1}"}) {
    std::string bomb = anchor + "\n";
    for (int i = 0; i < 50'000; ++i) bomb += "- *a\n";
    const std::string told = complaint(bomb);
    EXPECT_NE(told.find("the anchors and aliases stand for more than 8388608 bytes"),
              std::string::npos)
        << told.substr(0, 200);
  }
  std::string nested;
  for (int i = 0; i < 60; ++i) nested += fmt::format("&a{} [", i);
  nested += text + std::string(60, ']');
  EXPECT_NE(complaint(nested).find("the anchors and aliases stand for"), std::string::npos);
  EXPECT_EQ(complaint("- &a " + text.substr(0, 1'000) + "\n- *a\n- *a\n"), "accepted");
}

TEST(YamlParse, LimitsBytesDepthValuesAndDocuments) {
  const Limits limits{.bytes_max = 40, .depth_max = 3, .values_max = 8, .documents_max = 2};
  EXPECT_EQ(complaint("[[[x]]]", limits), "accepted");
  EXPECT_EQ(complaint("[[[[x]]]]", limits),
            "1:4: lists and objects are nested more than 3 deep (no valid manifest is)");
  EXPECT_EQ(complaint("[1,2,3,4,5,6,7]", limits), "accepted");
  EXPECT_EQ(complaint("[1,2,3,4,5,6,7,8]", limits),
            "1:16: the file has more than 8 values, aliases counted in full (split the file, or "
            "write less with aliases)");
  EXPECT_EQ(complaint("a: 1\n---\nb: 2\n", limits), "accepted");
  EXPECT_EQ(complaint("a: 1\n---\nb: 2\n---\nc: 1\n", limits),
            "4:1: the file has more than 2 documents (split the file)");
  EXPECT_EQ(complaint(std::string(41, ' '), limits),
            "the file has 41 bytes, more than the limit of 40 (split it)");
}

// Method: lines of almost 1 MiB with almost as many values as the limit allows. Counting columns
// from the start of the line for each value takes minutes, as it looks at 50 GB.
TEST(YamlParse, OneLongLineOfManyValuesEndsInTime) {
  struct Case {
    std::string item;
    std::size_t values;  ///< Of one item.
    std::size_t column_of_last;
  };
  constexpr std::size_t kItems = 45'000;
  // The last item begins after the bracket and kItems - 1 items with their commas.
  for (const auto& [item, values, column_of_last] :
       {Case{"1234567890", 1, (kItems - 1) * 11 + 2}, Case{"[123456789]", 2, (kItems - 1) * 12 + 2},
        Case{"\"üüüüüüüü\"", 1, (kItems - 1) * 11 + 2}}) {
    std::string text = "[";
    for (std::size_t i = 0; i < kItems; ++i) text += item + ",";
    text.back() = ']';
    const std::clock_t before = std::clock();
    const auto documents = parse(text);
    const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    ASSERT_TRUE(documents) << documents.error().to_string();
    EXPECT_LT(seconds, 20.0) << item;
    const auto last = documents->at(0).source.find(fmt::format("[{}]", kItems - 1));
    EXPECT_EQ(last.to_string(), fmt::format("1:{}", column_of_last)) << item;
    EXPECT_LT(values * kItems, Limits().values_max);
  }
}

// Method: 128 KiB of each construct that makes parsers recurse or look back. The
// bound is far above what any takes, so that only a wrong order of growth breaks it.
TEST(YamlParse, LongTextOfAnyConstructEndsInTime) {
  for (const std::string piece :
       {"[",     "{",   "- ",  "? ",     "a: ",   "[[]",   "{a: ", "\"",   "'",      "|\n",
        "&a ",   "*a ", "!t ", "!<t> ",  "---\n", "...\n", "%Y\n", "#",    "a\n",    "\n",
        " ",     "\t",  ",",   ":",      ":\n",   "- -\n", "a:\n", "[a, ", "x: [\n", "\\",
        "\"\\n", "{}",  "[] ", "a: b\n", "a\n ",  "- a\n", "? a\n"}) {
    for (const std::string& start : {std::string(), std::string("a: "), std::string("[")}) {
      std::string text = start;
      while (text.size() + piece.size() <= 128 * 1024) text += piece;
      const std::clock_t before = std::clock();
      const auto documents = parse(text);
      const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      EXPECT_LT(seconds, 10.0) << start << piece;
      if (seconds > 1) fmt::print("{:.1f} s: {}{}\n", seconds, start, piece);
      if (!documents) {
        EXPECT_NE(documents.error().code, ErrorCode::Internal)
            << start << piece << documents.error().to_string();
      }
    }
  }
}

}  // namespace
}  // namespace tokenscaler::yaml
