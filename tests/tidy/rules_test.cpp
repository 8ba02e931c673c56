// Goal: each rule finds what it is there for. Method: bad examples, and good ones close to them.
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tidy/include_rules.h"
#include "tidy/source_tree.h"
#include "tidy/text_rules.h"

namespace tokenscaler::tidy {
namespace {

const std::set<std::string>& known_paths() {
  static const std::set<std::string> kPaths{
      "lib/base/result.h",     "lib/model/token_scaler.h",
      "lib/scaling/decide.h",  "lib/simulation/fleet.h",
      "lib/json/value.h",      "lib/yaml/document.h",
      "lib/http/client.h",     "lib/kube/list.h",
      "lib/prom/query.h",      "lib/telemetry/log.h",
      "cli/command.h",         "cli/version.h.in",
      "operator/reconciler.h", "metrics-adapter/metrics.h",
      "e2e/engine/batch.h",    "tests/fakes/fake_prometheus.h"};
  return kPaths;
}

bool may_include(const std::string& path, const std::string& what) {
  return check_includes({path, "#include " + what + "\n"}, known_paths()).empty();
}

TEST(IncludeDirection, GoesDownTheLine) {
  EXPECT_TRUE(may_include("lib/model/validate.cpp", "\"base/result.h\""));
  EXPECT_TRUE(may_include("lib/scaling/decide.cpp", "\"model/token_scaler.h\""));
  EXPECT_TRUE(may_include("lib/simulation/fleet.cpp", "\"scaling/decide.h\""));
  EXPECT_TRUE(may_include("lib/json/codec.cpp", "\"model/token_scaler.h\""));
  EXPECT_TRUE(may_include("lib/yaml/document.cpp", "\"json/value.h\""));
  EXPECT_TRUE(may_include("lib/prom/query.cpp", "\"http/client.h\""));
  EXPECT_TRUE(may_include("lib/prom/query.cpp", "\"scaling/decide.h\""));
  EXPECT_TRUE(may_include("cli/main.cpp", "\"prom/query.h\""));
  EXPECT_TRUE(may_include("cli/main.cpp", "\"cli/command.h\""));
  EXPECT_TRUE(may_include("cli/main.cpp", "\"version.h\"")) << "made from version.h.in";
  EXPECT_TRUE(may_include("tests/unit/cli/command_test.cpp", "\"command.h\""));
  EXPECT_TRUE(may_include("tests/unit/scaling/decide_test.cpp", "\"fakes/fake_prometheus.h\""));
}

TEST(IncludeDirection, RefusesTheWayBack) {
  EXPECT_FALSE(may_include("lib/base/result.cpp", "\"model/token_scaler.h\""));
  EXPECT_FALSE(may_include("lib/model/validate.cpp", "\"scaling/decide.h\""));
  EXPECT_FALSE(may_include("lib/scaling/decide.cpp", "\"simulation/fleet.h\""));
  EXPECT_FALSE(may_include("lib/base/result.h", "\"cli/command.h\""));
  EXPECT_FALSE(may_include("lib/base/result.h", "\"fakes/fake_prometheus.h\""));
}

TEST(IncludeDirection, KeepsTheDecisionPure) {
  for (const char* header : {"\"json/value.h\"", "\"http/client.h\"", "\"kube/list.h\"",
                             "\"prom/query.h\"", "\"telemetry/log.h\"", "\"yaml/document.h\""}) {
    EXPECT_FALSE(may_include("lib/scaling/decide.cpp", header)) << header;
    EXPECT_FALSE(may_include("lib/simulation/fleet.cpp", header)) << header;
  }
}

TEST(IncludeDirection, KeepsThePartsApart) {
  EXPECT_FALSE(may_include("cli/main.cpp", "\"operator/reconciler.h\""));
  EXPECT_FALSE(may_include("operator/main.cpp", "\"metrics-adapter/metrics.h\""));
  EXPECT_FALSE(may_include("metrics-adapter/main.cpp", "\"cli/command.h\""));
  EXPECT_FALSE(may_include("lib/http/server.cpp", "\"json/value.h\""));
  EXPECT_FALSE(may_include("lib/json/value.cpp", "\"yaml/document.h\""));
  EXPECT_FALSE(may_include("e2e/engine/main.cpp", "\"scaling/decide.h\""));
  EXPECT_FALSE(may_include("cli/main.cpp", "\"engine/batch.h\""));
}

TEST(IncludeDirection, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(may_include("cli/main.cpp", "\"fmt/format.h\""));
  EXPECT_FALSE(may_include("lib/newcomer/a.cpp", "\"base/result.h\""));
}

TEST(Packages, StayWithTheirOwners) {
  EXPECT_TRUE(may_include("lib/json/value.cpp", "<cpprest/json.h>"));
  EXPECT_FALSE(may_include("lib/json/value.h", "<cpprest/json.h>"));
  EXPECT_FALSE(may_include("lib/prom/query.cpp", "<cpprest/json.h>"));
  EXPECT_FALSE(may_include("lib/http/client.cpp", "<cpprest/http_client.h>"));
  EXPECT_TRUE(may_include("lib/http/server.cpp", "<boost/beast/http.hpp>"));
  EXPECT_TRUE(may_include("lib/http/transport.h", "<boost/asio.hpp>"));
  EXPECT_FALSE(may_include("operator/main.cpp", "<boost/beast/http.hpp>"));
  EXPECT_TRUE(may_include("cli/main.cpp", "<boost/program_options.hpp>"));
  EXPECT_FALSE(may_include("lib/base/error.cpp", "<boost/program_options.hpp>"));
  EXPECT_TRUE(may_include("lib/http/curl_client.cpp", "<curl/curl.h>"));
  EXPECT_FALSE(may_include("lib/prom/query.cpp", "<curl/curl.h>"));
  EXPECT_FALSE(may_include("cli/main.cpp", "<yaml-cpp/yaml.h>"));
  EXPECT_FALSE(may_include("lib/kube/token.cpp", "<openssl/ssl.h>"));
  EXPECT_FALSE(may_include("lib/base/result.cpp", "<gtest/gtest.h>"));
  EXPECT_FALSE(may_include("lib/base/result.cpp", "<nlohmann/json.hpp>"));
}

TEST(Packages, SystemHeadersStayInSources) {
  EXPECT_TRUE(may_include("lib/base/clock.cpp", "<unistd.h>"));
  EXPECT_TRUE(may_include("lib/http/server.cpp", "<sys/socket.h>"));
  EXPECT_FALSE(may_include("lib/base/clock.h", "<unistd.h>"));
  EXPECT_TRUE(may_include("lib/base/clock.h", "<vector>"));
}

TEST(Packages, StayBehindPrivateHeaders) {
  const File transport{"lib/http/transport.h", "#include <boost/asio/ip/tcp.hpp>\n"};
  const File connection{"lib/http/connection.h", "#include \"http/transport.h\"\n"};
  const File server{"lib/http/server.cpp", "#include \"http/connection.h\"\n"};
  const File unit_test{"tests/unit/http/connection_test.cpp", "#include \"http/connection.h\"\n"};
  EXPECT_TRUE(check_private_headers({transport, connection, server, unit_test}).empty());

  const File client{"lib/http/client.h", "#include \"base/result.h\"\n"};
  const File query{"lib/prom/query.cpp", "#include \"http/client.h\"\n"};
  EXPECT_TRUE(check_private_headers({transport, client, query}).empty());

  const File leak{"lib/prom/query.cpp", "\n#include \"http/connection.h\"\n"};
  const auto findings = check_private_headers({transport, connection, leak});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().path, "lib/prom/query.cpp");
  EXPECT_EQ(findings.front().line, 2U);
}

TEST(Includes, AreFoundInEveryForm) {
  const auto bad = [](const std::string& text) {
    return check_includes({"lib/base/a.cpp", text}, known_paths()).size();
  };
  EXPECT_EQ(bad("#  include   <curl/curl.h>  // why\n"), 1U);
  EXPECT_EQ(bad("  #include<curl/curl.h>\n"), 1U);
  EXPECT_EQ(bad("// #include <curl/curl.h>\n/* #include <curl/curl.h>\n*/\n"), 0U);
  const auto findings = check_includes({"lib/base/a.cpp", "\n\n#include <curl/curl.h>\n"}, {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().line, 3U);
}

std::size_t count(std::vector<Finding> (*rule)(const File&), const std::string& path,
                  const std::string& text) {
  return rule({path, text}).size();
}

TEST(Clocks, AreReadOnlyInBase) {
  const std::string path = "lib/scaling/decide.cpp";
  EXPECT_EQ(count(check_clocks, path, "auto t = std::chrono::steady_clock::now();"), 1U);
  EXPECT_EQ(count(check_clocks, path, "auto t = system_clock :: now();"), 1U);
  EXPECT_EQ(count(check_clocks, path, "auto t = std::time(nullptr);"), 1U);
  EXPECT_EQ(count(check_clocks, path, "clock_gettime(CLOCK_MONOTONIC, &t);"), 1U);
  EXPECT_EQ(count(check_clocks, "lib/base/clock.cpp", "steady_clock::now()"), 0U);
  EXPECT_EQ(count(check_clocks, path, "// not steady_clock::now()"), 0U);
  EXPECT_EQ(count(check_clocks, path, "fmt::print(\"steady_clock::now()\");"), 0U);
  EXPECT_EQ(count(check_clocks, path, "const auto now = clock.wall(); run_time(0);"), 0U);
}

TEST(Threads, AreNotDetached) {
  EXPECT_EQ(count(check_threads, "lib/http/a.cpp", "thread.detach();"), 1U);
  EXPECT_EQ(count(check_threads, "lib/http/a.cpp", "thread_->detach ();"), 1U);
  EXPECT_EQ(count(check_threads, "lib/http/a.cpp", "std::jthread([] {}).detach();"), 1U);
  EXPECT_EQ(count(check_threads, "lib/http/a.cpp", "exchange->detach();"), 0U);
  EXPECT_EQ(count(check_threads, "lib/http/a.cpp", "detached = true; // .detach()"), 0U);
}

TEST(Sleeps, AreNotInUnitAndSimulationTests) {
  const std::string text = "std::this_thread::sleep_for(1s);";
  EXPECT_EQ(count(check_sleeps, "tests/unit/base/clock_test.cpp", text), 1U);
  EXPECT_EQ(count(check_sleeps, "tests/sim/loop_test.cpp", "usleep(10);"), 1U);
  EXPECT_EQ(count(check_sleeps, "tests/contract/server_test.cpp", text), 0U);
}

TEST(Size, HasALimit) {
  std::string text;
  for (std::size_t i = 0; i < kFileLinesMax; ++i) text += "\n";
  EXPECT_EQ(count(check_size, "lib/base/a.cpp", text), 0U);
  EXPECT_EQ(count(check_size, "lib/base/a.cpp", text + "int x;"), 1U);
}

TEST(Names, SayTheSubject) {
  EXPECT_EQ(count(check_name, "lib/base/utils.h", ""), 1U);
  EXPECT_EQ(count(check_name, "lib/common/text.h", ""), 1U);
  EXPECT_EQ(count(check_name, "operator/connection_manager.cpp", ""), 1U);
  EXPECT_EQ(count(check_name, "scripts/Helpers.sh", ""), 1U);
  EXPECT_EQ(count(check_name, "lib/base/units.h", ""), 0U);
  EXPECT_EQ(count(check_name, "docs/commonplace.md", ""), 0U);
}

TEST(Published, NamesNoMachineAndNoRegistry) {
  const std::string home = std::string("/ho") + "me/";
  const std::string work = std::string("/wo") + "rk/";
  const std::string registry = std::string("py") + "pi.org";
  EXPECT_EQ(count(check_published, "README.md", "cd " + home + "ann/src"), 1U);
  EXPECT_EQ(count(check_published, "README.md", work + "x at the start"), 1U);
  EXPECT_EQ(count(check_published, "README.md", "see docs" + work + "flow.md"), 0U);
  EXPECT_EQ(count(check_published, "scripts/test", "curl https://" + registry + "/simple"), 1U);
  EXPECT_EQ(count(check_published, "README.md", "https://github.com/prometheus"), 0U);
}

TEST(Documentation, NamesEveryFolder) {
  const std::vector<File> files{{"lib/base/a.h", ""}, {"lib/http/b.h", ""}, {"cli/main.cpp", ""}};
  EXPECT_TRUE(check_folders_documented(files, "| `lib/base` | x |\n| `lib/http` | y |").empty());
  const auto findings = check_folders_documented(files, "| `lib/base` | x |");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().path, "lib/http");
}

TEST(Blank, HidesCommentsAndLiterals) {
  EXPECT_EQ(blank("a // b\nc", Keep::Code), "a     \nc");
  EXPECT_EQ(blank("a /* b\nc */ d", Keep::Code), "a     \n     d");
  EXPECT_EQ(blank(R"(f("x\"//y"); g)", Keep::Code), "f(" + std::string(8, ' ') + "); g");
  EXPECT_EQ(blank(R"(f("//y"); g)", Keep::CodeAndStrings), R"(f("//y"); g)");
  EXPECT_EQ(blank("1'000 + '\"' + x", Keep::Code), "1'000 +     + x");
  EXPECT_EQ(blank("R\"q(a)\" // b)q\" c", Keep::Code), std::string(15, ' ') + " c");
}

}  // namespace
}  // namespace tokenscaler::tidy
