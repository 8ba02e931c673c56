#include "manifests.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "json/token_scaler_codec.h"
#include "model/validate.h"
#include "yaml/document.h"

namespace tokenscaler::cli {

namespace {

std::string place(const std::string& file_name, json::LineColumn where) {
  return fmt::format("{}:{}:{}", file_name, where.line, where.column);
}

Error field_error(const model::FieldError& error, const yaml::Document& document,
                  const std::string& file_name) {
  std::string where = place(file_name, document.source.find(error.path));
  if (!error.path.empty()) where += ": " + error.path;
  return make_error(ErrorCode::Invalid, error.message).at(std::move(where)).advise(error.advice);
}

std::string word(const json::Value& value, std::string_view key) {
  const json::Value* const member = value.find(key);
  const std::string* const text = member == nullptr ? nullptr : member->string();
  return text == nullptr ? std::string() : *text;
}

/// Whether a document is another kind of Kubernetes object. What says neither kind nor API version
/// of anything else is taken as a TokenScaler, so that its mistakes are told.
bool is_other_kind(const json::Value& value) {
  const std::string kind = word(value, "kind");
  const std::string api_version = word(value, "apiVersion");
  return !kind.empty() && kind != model::kKind && !api_version.empty() &&
         !api_version.starts_with("tokenscaler.io/");
}

std::string describe_other(const json::Value& value) {
  const json::Value* const name = value.find("metadata", "name");
  const std::string* const text = name == nullptr ? nullptr : name->string();
  return text == nullptr ? word(value, "kind") : word(value, "kind") + " " + *text;
}

Result<std::string> read_stream(std::istream& input, const std::string& what) {
  std::string text(kMaxManifestBytes + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (input.bad()) {
    return make_error(ErrorCode::Unavailable, "reading failed").at(what).advise("try again");
  }
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > kMaxManifestBytes) {
    return make_error(ErrorCode::LimitExceeded,
                      fmt::format("is larger than {} bytes", kMaxManifestBytes))
        .at(what)
        .advise("name a manifest, or split it");
  }
  return text;
}

}  // namespace

Result<ManifestFile> read_manifests(std::string_view text, const std::string& file_name) {
  auto documents = yaml::parse(text, {.bytes_max = kMaxManifestBytes});
  if (!documents) {
    Error error = std::move(documents).error();
    error.where = error.where.empty() ? file_name : file_name + ":" + error.where;
    return error;
  }
  ManifestFile file;
  for (const yaml::Document& document : *documents) {
    if (is_other_kind(document.value)) {
      file.others.push_back(describe_other(document.value));
      continue;
    }
    std::vector<model::FieldError> field_errors;
    Manifest manifest;
    manifest.line = document.line;
    manifest.object = json::decode_token_scaler(document.value, field_errors);
    for (const model::FieldError& error : field_errors) {
      manifest.errors.push_back(field_error(error, document, file_name));
    }
    file.manifests.push_back(std::move(manifest));
  }
  return file;
}

Result<std::string> read_text(const std::string& file_name, std::istream& input) {
  if (file_name == "-") return read_stream(input, "standard input");
  std::error_code code;
  if (std::filesystem::is_directory(file_name, code)) {
    return make_error(ErrorCode::Invalid, "is a folder").at(file_name).advise("name a file");
  }
  std::ifstream file(file_name, std::ios::binary);
  if (!file) {
    const std::error_code reason(errno, std::generic_category());
    return make_error(ErrorCode::NotFound, "cannot be opened: " + reason.message())
        .at(file_name)
        .advise("check the path and its permissions");
  }
  return read_stream(file, file_name);
}

Result<model::TokenScaler> load_token_scaler(const std::string& file_name, const std::string& name,
                                             std::istream& input, std::ostream& errors) {
  ASSIGN_OR_RETURN(const std::string text, read_text(file_name, input));
  ASSIGN_OR_RETURN(ManifestFile file, read_manifests(text, file_name));
  Manifest* chosen = nullptr;
  for (Manifest& manifest : file.manifests) {
    if (!name.empty() && manifest.object.metadata.name != name) continue;
    if (chosen != nullptr) {
      return make_error(ErrorCode::Invalid, name.empty() ? "has several TokenScalers"
                                                         : fmt::format("has \"{}\" twice", name))
          .at(file_name)
          .advise("choose one with --name");
    }
    chosen = &manifest;
  }
  if (chosen == nullptr) {
    return make_error(ErrorCode::NotFound,
                      name.empty() ? "has no TokenScaler"
                                   : fmt::format("has no TokenScaler named \"{}\"", name))
        .at(file_name)
        .advise("see examples/llama-8b.yaml");
  }
  if (!chosen->errors.empty()) {
    for (const Error& error : chosen->errors) errors << error.to_string() << "\n";
    return make_error(ErrorCode::Invalid, fmt::format("{} errors", chosen->errors.size()))
        .at(file_name)
        .advise("mend them and try again");
  }
  return std::move(chosen->object);
}

}  // namespace tokenscaler::cli
