#include "validate.h"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "json/write.h"
#include "manifests.h"

namespace tokenscaler::cli {

namespace {

/// What was found in all files.
struct Findings {
  std::vector<std::string> valid;  ///< `file: namespace/name`
  std::vector<std::string> passed_over;
  std::vector<Error> errors;
};

void check_file(const std::string& file_name, std::istream& input, Findings& findings) {
  const auto file = read_text(file_name, input).and_then([&](const std::string& text) {
    return read_manifests(text, file_name);
  });
  if (!file) {
    findings.errors.push_back(file.error());
    return;
  }
  for (const Manifest& manifest : file->manifests) {
    if (manifest.errors.empty()) {
      const model::ObjectMeta& metadata = manifest.object.metadata;
      findings.valid.push_back(
          fmt::format("{}: {}/{}", file_name, metadata.name_space, metadata.name));
    }
    findings.errors.insert(findings.errors.end(), manifest.errors.begin(), manifest.errors.end());
  }
  for (const std::string& other : file->others) {
    findings.passed_over.push_back(fmt::format("{}: {}", file_name, other));
  }
  if (file->manifests.empty()) {
    findings.errors.push_back(make_error(ErrorCode::NotFound, "has no TokenScaler")
                                  .at(file_name)
                                  .advise("see examples/llama-8b.yaml"));
  }
}

void print_text(const Findings& findings, std::ostream& output, std::ostream& errors) {
  for (const Error& error : findings.errors) errors << error.to_string() << "\n";
  for (const std::string& object : findings.valid) output << object << " is valid\n";
  for (const std::string& other : findings.passed_over) {
    output << other << " is not a TokenScaler and was passed over\n";
  }
}

void print_json(const Findings& findings, std::ostream& output, std::ostream& errors) {
  json::Array valid(findings.valid.begin(), findings.valid.end());
  json::Array wrong;
  for (const Error& error : findings.errors) {
    wrong.push_back(
        json::Object{{"where", error.where}, {"message", error.message}, {"advice", error.advice}});
  }
  const auto text =
      json::write(json::Object{{"valid", std::move(valid)}, {"errors", std::move(wrong)}},
                  json::Layout::Indented);
  if (text) {
    output << *text << "\n";
  } else {
    errors << "tokenscaler: " << text.error().to_string() << "\n";
  }
}

}  // namespace

ExitStatus run_validate(const ValidateCommand& command, std::istream& input, std::ostream& output,
                        std::ostream& errors) {
  Findings findings;
  for (const std::string& file_name : command.files) check_file(file_name, input, findings);
  if (command.output == OutputFormat::Json) {
    print_json(findings, output, errors);
  } else {
    print_text(findings, output, errors);
  }
  output.flush();
  return findings.errors.empty() ? ExitStatus::Done : ExitStatus::BadInput;
}

}  // namespace tokenscaler::cli
