// Goal: the repository keeps its own rules. Method: every rule of this folder on every file.
#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tidy/include_rules.h"
#include "tidy/source_tree.h"
#include "tidy/text_rules.h"

namespace tokenscaler::tidy {
namespace {

class RepositoryTest : public testing::Test {
 protected:
  static const std::vector<File>& files() {
    static const std::vector<File> kFiles = read_tree(TOKENSCALER_SOURCE_DIR);
    return kFiles;
  }

  static const File& file(const std::string& path) {
    const auto found =
        std::find_if(files().begin(), files().end(), [&](const File& f) { return f.path == path; });
    if (found == files().end()) throw std::runtime_error("no file " + path);
    return *found;
  }

  using Rule = std::function<std::vector<Finding>(const File&)>;

  static void expect_kept(const Rule& rule, const std::function<bool(const File&)>& applies) {
    for (const File& file : files()) {
      if (!applies(file)) continue;
      for (const Finding& finding : rule(file)) ADD_FAILURE() << to_string(finding);
    }
  }
  static bool always(const File& /*file*/) { return true; }
};

TEST_F(RepositoryTest, IsRead) {
  EXPECT_FALSE(file("lib/base/result.h").text.empty());
  EXPECT_FALSE(file("tests/tidy/repository_test.cpp").text.empty());
}

TEST_F(RepositoryTest, IncludesGoOneWayAndPackagesStayWithTheirOwners) {
  std::set<std::string> paths;
  for (const File& file : files()) paths.insert(file.path);
  expect_kept([&](const File& file) { return check_includes(file, paths); }, is_cpp);
}

TEST_F(RepositoryTest, HeadersThatNeedAPackageArePrivateToItsOwner) {
  for (const Finding& finding : check_private_headers(files())) ADD_FAILURE() << to_string(finding);
}

TEST_F(RepositoryTest, ClocksAreReadOnlyInBase) {
  expect_kept(check_clocks, is_cpp);
}

TEST_F(RepositoryTest, NoThreadIsDetached) {
  expect_kept(check_threads, is_cpp);
}

TEST_F(RepositoryTest, UnitAndSimulationTestsDoNotSleep) {
  expect_kept(check_sleeps, is_cpp);
}

TEST_F(RepositoryTest, SourceFilesAreOfReadableSize) {
  expect_kept(check_size, is_cpp);
}

TEST_F(RepositoryTest, FilesAreNamedAfterTheirSubject) {
  expect_kept(check_name, always);
}

TEST_F(RepositoryTest, NothingOfTheMachineIsPublished) {
  expect_kept(check_published, always);
}

TEST_F(RepositoryTest, EveryFolderOfTheLibraryIsDocumented) {
  for (const Finding& finding :
       check_folders_documented(files(), file("docs/architecture.md").text)) {
    ADD_FAILURE() << to_string(finding);
  }
}

}  // namespace
}  // namespace tokenscaler::tidy
