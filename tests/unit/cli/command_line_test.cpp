// The command line: what is accepted, and what each mistake says.
#include "command_line.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tokenscaler::cli {
namespace {

using ::testing::HasSubstr;

using Words = std::vector<std::string>;

Result<Command> parse(const Words& words) {
  return parse_command_line(words);
}

std::string error_of(const Words& words) {
  const auto command = parse(words);
  return command ? "no error" : command.error().to_string();
}

const Words kRecommend = {"recommend", "-f", "a.yaml", "--prometheus", "http://127.0.0.1:9090"};

Words recommend_with(const Words& more) {
  Words words = kRecommend;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(CommandLine, ValidateTakesFilesInOrder) {
  const auto command = parse({"validate", "a.yaml", "-", "b.json", "-o", "json"});
  ASSERT_TRUE(command) << command.error().to_string();
  const auto& validate = std::get<ValidateCommand>(*command);
  EXPECT_EQ(validate.files, (Words{"a.yaml", "-", "b.json"}));
  EXPECT_EQ(validate.output, OutputFormat::Json);
}

TEST(CommandLine, RecommendHasTheDocumentedDefaults) {
  const auto command = parse(kRecommend);
  ASSERT_TRUE(command) << command.error().to_string();
  const auto& recommend = std::get<RecommendCommand>(*command);
  EXPECT_EQ(recommend.file, "a.yaml");
  EXPECT_EQ(recommend.server.url, "http://127.0.0.1:9090");
  EXPECT_EQ(recommend.interval, std::chrono::seconds(15));
  EXPECT_FALSE(recommend.watch);
  EXPECT_EQ(recommend.cycles, 0U);
  EXPECT_EQ(recommend.output, OutputFormat::Text);
  EXPECT_FALSE(recommend.replicas.has_value());
  EXPECT_EQ(recommend.server.query_timeout, std::chrono::seconds(10));
}

TEST(CommandLine, RecommendTakesEveryOption) {
  const auto command = parse(recommend_with(
      {"--watch", "--interval-seconds", "2.5", "--cycles", "7", "--replicas", "3", "--header",
       "X-Scope-OrgID: team-a", "--header", "X-Empty:", "--ca-file", "ca.pem", "--name", "llama",
       "--namespace-label", "kubernetes_namespace", "--query-timeout-seconds", "0.5"}));
  ASSERT_TRUE(command) << command.error().to_string();
  const auto& recommend = std::get<RecommendCommand>(*command);
  EXPECT_TRUE(recommend.watch);
  EXPECT_EQ(recommend.interval, std::chrono::milliseconds(2'500));
  EXPECT_EQ(recommend.cycles, 7U);
  EXPECT_EQ(recommend.replicas, Replicas(3));
  EXPECT_EQ(recommend.name, "llama");
  EXPECT_EQ(recommend.server.headers.find("x-scope-orgid"), "team-a");
  EXPECT_EQ(recommend.server.headers.find("X-Empty"), "");
  EXPECT_EQ(recommend.server.tls.ca_file, "ca.pem");
  EXPECT_EQ(recommend.server.namespace_label, "kubernetes_namespace");
  EXPECT_EQ(recommend.server.query_timeout, std::chrono::milliseconds(500));
}

TEST(CommandLine, EachMistakeSaysWhatAndWhatToDo) {
  const struct {
    Words words;
    std::string expected;
  } cases[] = {
      {{}, "no command is given (see tokenscaler --help)"},
      {{"recomend"}, "there is no command \"recomend\" (see tokenscaler --help)"},
      {{"validate"}, "no file is named (see tokenscaler validate --help)"},
      {{"validate", "a", "--output", "xml"}, "--output is \"xml\", not text or json"},
      {{"recommend"}, "-f FILE is missing (see tokenscaler recommend --help)"},
      {{"recommend", "-f", "a"}, "--prometheus URL is missing"},
      {{"recommend", "a.yaml"}, "too many positional options"},
      {recommend_with({"--interval-seconds", "0.1"}), "--interval-seconds is 0.1, outside 1..3600"},
      {recommend_with({"--interval-seconds", "nan"}), "--interval-seconds is nan, outside"},
      {recommend_with({"--interval-seconds", "soon"}), "interval-seconds"},
      {recommend_with({"--cycles", "-1"}), "cycles"},
      {recommend_with({"--replicas", "-1"}), "--replicas is negative"},
      {recommend_with({"--replicas", "99999999999"}), "replicas"},
      {recommend_with({"--header", "no-colon"}), "a --header is not of the form NAME: VALUE"},
      {recommend_with({"--nope"}), "unrecognised option '--nope'"},
      {recommend_with({"--watc"}), "unrecognised option '--watc'"},
      {recommend_with({"-f", "b.yaml"}), "cannot be specified more than once"},
  };
  for (const auto& each : cases) {
    EXPECT_THAT(error_of(each.words), HasSubstr(each.expected)) << each.words.size() << " words";
  }
}

TEST(CommandLine, ABadHeaderIsNotRepeatedSinceItMayBeACredential) {
  EXPECT_THAT(error_of(recommend_with({"--header", "c2VjcmV0"})),
              ::testing::Not(HasSubstr("c2VjcmV0")));
}

TEST(CommandLine, AnAddressThatIsNoneIsRefused) {
  for (const char* url : {"", "127.0.0.1:9090", "ftp://127.0.0.1", "http://", "http://u:p@h/"}) {
    const auto command = parse({"recommend", "-f", "a.yaml", "--prometheus", url});
    ASSERT_FALSE(command) << url;
    EXPECT_THAT(command.error().to_string(), ::testing::Not(HasSubstr("u:p@"))) << url;
  }
}

TEST(CommandLine, HelpAndVersionPrintAText) {
  for (const Words& words : std::vector<Words>{{"--help"}, {"help"}, {"-h"}}) {
    const auto command = parse(words);
    ASSERT_TRUE(command);
    EXPECT_THAT(std::get<PrintText>(*command).text, HasSubstr("tokenscaler recommend"));
  }
  const auto recommend = parse({"recommend", "--help"});
  ASSERT_TRUE(recommend);
  EXPECT_THAT(std::get<PrintText>(*recommend).text, HasSubstr("--bearer-token-file"));
  const auto version = parse({"--version"});
  ASSERT_TRUE(version);
  EXPECT_THAT(std::get<PrintText>(*version).text, ::testing::MatchesRegex("tokenscaler [0-9.]+\n"));
}

}  // namespace
}  // namespace tokenscaler::cli
