#include "prom/matcher.h"

#include <random>

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

TEST(Matcher, QuotesWhatWouldEndTheLiteral) {
  EXPECT_EQ(quote(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(quote("a\nb"), R"("a\nb")");
  EXPECT_EQ(quote(std::string_view("\0\x7f", 2)), R"("\x00\x7f")");
  EXPECT_EQ(quote("\xC3\xA9"), "\"\xC3\xA9\"");
}

TEST(Matcher, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(quote("a\xFF"), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(quote("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/// Reads a literal by the rules of Go strings, as Prometheus does; empty if it ends early or late.
std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::nullopt;
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 != text.size()) return std::nullopt;
      return value;
    }
    if (text[i] == '\n') return std::nullopt;
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    ++i;
    if (text[i] == 'n') {
      value += '\n';
    } else if (text[i] == 'x') {
      value += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      value += text[i];
    }
  }
  return std::nullopt;
}

TEST(Matcher, NoLabelValueEscapesItsLiteral) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string alphabet = "\"\\{}=~!,`'\n\r\t ab|.*()[]$^#/%n\x01\x7f";
  for (int round = 0; round < 20'000; ++round) {
    std::string value;
    const std::size_t length = random() % 12;
    for (std::size_t i = 0; i < length; ++i) value += alphabet[random() % alphabet.size()];
    EXPECT_EQ(unquote(quote(value)), value);
    // A regular expression of the value is the value with backslashes before the special ones.
    std::string plain;
    const std::string regex = escape_regex(value);
    for (std::size_t i = 0; i < regex.size(); ++i) {
      const bool escape = regex[i] == '\\';
      EXPECT_TRUE(escape || std::string(".+*?()|[]{}^$").find(regex[i]) == std::string::npos);
      if (escape) ++i;
      plain += regex[i];
    }
    EXPECT_EQ(plain, value);
  }
}

TEST(Matcher, ChoosesTheCheapestForm) {
  EXPECT_EQ(to_promql(one_of("namespace", {"a"})), R"(namespace="a")");
  EXPECT_EQ(to_promql(one_of("namespace", {"a.b", "c|d"})), R"(namespace=~"a\\.b|c\\|d")");
  std::set<std::string> many;
  for (std::size_t i = 0; i <= kMaxMatcherAlternatives; ++i) many.insert(std::to_string(i));
  EXPECT_EQ(to_promql(one_of("namespace", many)), R"(namespace!="")");
}

TEST(Matcher, KnowsNames) {
  EXPECT_TRUE(is_label_name("model_name"));
  for (const char* bad : {"", "1a", "a-b", "a:b", "__name__", "a b", "é", "a{"}) {
    EXPECT_FALSE(is_label_name(bad)) << bad;
  }
  EXPECT_TRUE(is_metric_name("vllm:num_requests_running"));
  EXPECT_FALSE(is_metric_name("a{}"));
}

}  // namespace
}  // namespace tokenscaler::prom
