#include "prom/detection.h"

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

bool fits(const Preset& preset, const std::set<std::string, std::less<>>& names) {
  std::size_t found = 0;
  for (const Fingerprint& print : preset.fingerprints) {
    if (names.contains(print.series)) ++found;
  }
  return !preset.fingerprints.empty() && found >= preset.fingerprints_needed;
}

}  // namespace

DetectedSeries::DetectedSeries(const Vector& rows, const Server& server) {
  for (const VectorElement& row : rows) {
    const std::string name_space(row.labels.get(server.namespace_label));
    if (name_space.empty()) continue;
    found_[name_space][std::string(row.labels.get(server.pod_label))].emplace(
        row.labels.get("__name__"));
  }
}

const DetectedSeries::Names* DetectedSeries::names_of(std::string_view name_space,
                                                      std::string_view pod) const {
  const auto pods = found_.find(name_space);
  if (pods == found_.end()) return nullptr;
  const auto names = pods->second.find(pod);
  return names == pods->second.end() ? nullptr : &names->second;
}

const Preset* DetectedSeries::engine_of(std::string_view name_space, std::string_view pod) const {
  const Names* names = names_of(name_space, pod);
  if (names == nullptr) return nullptr;
  for (const Preset& preset : presets()) {
    if (!preset.gateway && fits(preset, *names)) return &preset;
  }
  return nullptr;
}

std::map<std::string, const Preset*> DetectedSeries::engines_in(std::string_view name_space) const {
  std::map<std::string, const Preset*> engines;
  const auto pods = found_.find(name_space);
  if (pods == found_.end()) return engines;
  for (const auto& [pod, names] : pods->second) {
    if (pod.empty()) continue;
    if (const Preset* engine = engine_of(name_space, pod)) engines.emplace(pod, engine);
  }
  return engines;
}

const Preset* DetectedSeries::gateway_in(const std::set<std::string>& namespaces) const {
  for (const Preset& preset : presets()) {
    if (!preset.gateway) continue;
    for (const std::string& name_space : namespaces) {
      const auto pods = found_.find(name_space);
      if (pods == found_.end()) continue;
      for (const auto& [pod, names] : pods->second) {
        if (fits(preset, names)) return &preset;
      }
    }
  }
  return nullptr;
}

std::string DetectedSeries::version_of(std::string_view name_space, std::string_view pod) const {
  const Preset* engine = engine_of(name_space, pod);
  if (engine == nullptr) return "";
  const Names& names = *names_of(name_space, pod);
  std::string text(engine->title);
  bool first = true;
  for (const Fingerprint& print : engine->fingerprints) {
    if (print.version.empty() || !names.contains(print.series)) continue;
    text += fmt::format("{} {} ({})", first ? "" : " and", print.version, print.series);
    first = false;
  }
  return text;
}

}  // namespace tokenscaler::prom
