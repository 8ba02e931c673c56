#include "engine/trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <zlib.h>

namespace tokenscaler::engine {

namespace {

// The longest line of a trace has five short columns; a longer one is not a trace.
constexpr int kMaxLineBytes = 4096;

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, CloseGzip>;

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || !(value >= 0)) {
    return std::nullopt;
  }
  return value;
}

struct Columns {
  std::size_t arrival = 0, prompt = 0, generated = 0;
  std::optional<std::size_t> cached;
  std::size_t count = 0;
};

Result<Columns> read_header(std::string_view line) {
  const auto names = split(line);
  const auto find = [&names](std::string_view name) -> std::optional<std::size_t> {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
  };
  const auto arrival = find("arrival_seconds");
  const auto prompt = find("prompt_tokens");
  const auto generated = find("generated_tokens");
  if (!arrival || !prompt || !generated) {
    return make_error(ErrorCode::Invalid, "this is no request trace")
        .advise(
            "the header must have arrival_seconds, prompt_tokens and generated_tokens; traces "
            "in bins cannot be replayed");
  }
  return Columns{*arrival, *prompt, *generated, find("prefix_hit_tokens"), names.size()};
}

Result<TraceRequest> read_row(const Columns& columns, std::string_view line) {
  const auto cells = split(line);
  if (cells.size() != columns.count) {
    return make_error(ErrorCode::Invalid, fmt::format("{} columns where the header has {}",
                                                      cells.size(), columns.count));
  }
  const auto arrival = number<double>(cells[columns.arrival]);
  const auto prompt = number<std::int64_t>(cells[columns.prompt]);
  const auto generated = number<std::int64_t>(cells[columns.generated]);
  const auto cached = columns.cached ? number<std::int64_t>(cells[*columns.cached])
                                     : std::optional<std::int64_t>(0);
  if (!arrival || !prompt || !generated || !cached) {
    return make_error(ErrorCode::Invalid, "a cell is not a number of at least 0");
  }
  return TraceRequest{Seconds(*arrival), *prompt, *generated, *cached};
}

}  // namespace

Result<std::vector<TraceRequest>> read_trace(const std::string& path, const TraceSlice& slice) {
  const GzipFile file(gzopen(path.c_str(), "rb"));
  if (!file) return make_error(ErrorCode::NotFound, "cannot open the trace").at(path);
  std::vector<TraceRequest> requests;
  std::optional<Columns> columns;
  std::array<char, kMaxLineBytes> buffer{};
  Seconds last{};
  for (std::size_t line_number = 1; gzgets(file.get(), buffer.data(), kMaxLineBytes) != nullptr;
       ++line_number) {
    const auto place = [&] { return fmt::format("{}:{}", path, line_number); };
    std::string_view line(buffer.data());
    if (!line.ends_with('\n') && gzeof(file.get()) == 0) {
      return make_error(ErrorCode::LimitExceeded, "the line is too long for a trace").at(place());
    }
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (!columns) {
      auto header = read_header(line);
      if (!header) return std::move(header).error().at(place());
      columns = *header;
      continue;
    }
    auto row = read_row(*columns, line);
    if (!row) return std::move(row).error().at(place());
    if (row->arrival < last) {
      return make_error(ErrorCode::Invalid, "arrivals must not go back in time").at(place());
    }
    last = row->arrival;
    if (row->arrival < slice.start) continue;
    if (row->arrival - slice.start >= slice.length || requests.size() >= slice.max_requests) break;
    row->arrival -= slice.start;
    requests.push_back(*row);
  }
  int code = Z_OK;
  const char* message = gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) {
    return make_error(ErrorCode::Invalid, fmt::format("broken gzip file: {}", message)).at(path);
  }
  if (!columns) return make_error(ErrorCode::Invalid, "the trace is empty").at(path);
  return requests;
}

}  // namespace tokenscaler::engine
