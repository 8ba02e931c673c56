#include "yaml/document.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "json/utf8.h"
#include "yaml/scalar.h"

namespace tokenscaler::yaml {

namespace {

/// Leaves yaml-cpp's parser from inside a callback; parse() turns it into its Error.
struct Refusal {
  Error error;
};

/// The text by lines, to translate yaml-cpp's marks.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    for (std::size_t start = 0; start <= text.size();) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      lines_.push_back(text.substr(start, end - start));
      start = end + 1;
    }
    std::size_t characters = 0;
    for (std::size_t start = 0; start <= text.size(); start += kStride) {
      characters_before_.push_back(characters);
      characters += count_characters(text.substr(start, kStride));
    }
  }

  /// The line of a mark, or empty.
  [[nodiscard]] std::string_view at(const YAML::Mark& mark) const {
    const auto index = static_cast<std::size_t>(std::max(mark.line, 0));
    return index < lines_.size() ? lines_[index] : std::string_view();
  }

  /// yaml-cpp counts from 0, and columns in bytes.
  [[nodiscard]] json::LineColumn locate(const YAML::Mark& mark) const {
    const std::size_t line_number = static_cast<std::size_t>(std::max(mark.line, 0)) + 1;
    const std::string_view line = at(mark);
    if (line.empty()) return {.line = line_number, .column = 1};
    const auto start = static_cast<std::size_t>(line.data() - text_.data());
    const std::size_t bytes =
        std::min(static_cast<std::size_t>(std::max(mark.column, 0)), line.size());
    return {.line = line_number,
            .column = characters_before(start + bytes) - characters_before(start) + 1};
  }

 private:
  /// Each value has a place, and a line may hold all of them: counting its characters from the
  /// start of the line each time would take minutes. So no count goes back further than this.
  static constexpr std::size_t kStride = 64;

  [[nodiscard]] static std::size_t count_characters(std::string_view bytes) {
    return static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
      return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U;
    }));
  }

  [[nodiscard]] std::size_t characters_before(std::size_t offset) const {
    const std::size_t counted = offset / kStride;
    const std::size_t from = counted * kStride;
    return characters_before_[counted] + count_characters(text_.substr(from, offset - from));
  }

  std::string_view text_;
  std::vector<std::string_view> lines_;
  std::vector<std::size_t> characters_before_;  ///< Of every kStride-th byte.
};

/// The text of all aliases and anchors, in full, may have so many times the bytes of the longest
/// file. An alias of a long string is one value only, so the limit on values does not hold it back;
/// no real file comes near.
constexpr std::size_t kExpansionMax = 8;

/// Builds values from yaml-cpp's events, within the limits.
class DocumentBuilder final : public YAML::EventHandler {
 public:
  DocumentBuilder(const Lines& lines, const Limits& limits) : lines_(lines), limits_(limits) {}

  [[nodiscard]] std::vector<Document> take() { return std::move(documents_); }

  /// Where the innermost list or object that is still open began.
  [[nodiscard]] std::optional<std::string> innermost_start() const {
    return frames_.empty() ? std::nullopt : std::optional(place(frames_.back().mark));
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    const bool marked = lines_.at(mark).starts_with("---");
    // yaml-cpp takes whatever follows a complete value for a new document.
    if (documents_seen_ > 0 && !marked) {
      refuse(mark, "text follows the end of the document",
             "indent it if it belongs to the document, or separate documents with ---");
    }
    if (++documents_seen_ > limits_.documents_max) {
      refuse(mark, fmt::format("the file has more than {} documents", limits_.documents_max),
             "split the file", ErrorCode::LimitExceeded);
    }
    document_line_ = lines_.locate(mark).line;
    anchors_.clear();
  }

  void OnDocumentEnd() override {
    if (root_ && !root_->value.is_null()) {
      documents_.push_back(Document{.value = std::move(root_->value),
                                    .source = SourceMap(std::move(root_->source)),
                                    .line = document_line_});
    }
    root_.reset();
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, Node{.value = nullptr, .source = {}, .size = 1, .bytes = 0, .plain = {}}, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag, "!");
    if (json::find_invalid_utf8(value) != std::string::npos) {
      refuse(mark, "an escape in a string makes no valid character", "write the character itself");
    }
    // A quoted scalar has the tag `!` and is always text.
    Node node{.value = value, .source = {}, .size = 1, .bytes = value.size(), .plain = {}};
    if (tag == "!") return add(mark, std::move(node), anchor);
    Result<json::Value> resolved = resolve_plain(value);
    if (!resolved) throw Refusal{std::move(resolved).error().at(place(mark))};
    node.value = *std::move(resolved);
    // The mark of an anchored scalar is that of its anchor.
    if (anchor == YAML::NullAnchor) node.plain = value;
    add(mark, std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) {
      refuse(mark, "an alias stands within the value that it names", "write the value out");
    }
    count(mark, target->second.size);
    count_expanded(mark, target->second.bytes);
    if (frames_.size() + target->second.depth > limits_.depth_max) refuse_depth(mark);
    Node copy = target->second;
    copy.plain.clear();
    add_counted(mark, std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag, "?");
    open(mark, anchor, true);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag, "?");
    open(mark, anchor, false);
  }

  void OnMapEnd() override { close(); }

 private:
  /// A finished value.
  struct Node {
    json::Value value;
    SourceNode source;
    std::size_t size = 0;   ///< Values in it, itself included.
    std::size_t bytes = 0;  ///< Of text in it, keys included.
    std::size_t depth = 0;  ///< Levels of lists and objects in it.
    std::string plain;      ///< Text of a plain scalar that starts at its mark.
  };

  /// A list or object that is not closed.
  struct Frame {
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    Node node;
    json::Array items;
    std::vector<json::Member> members;
    std::map<std::string, json::LineColumn, std::less<>> keys;
    std::optional<std::string> key;
    json::LineColumn key_place;
  };

  [[nodiscard]] std::string place(const YAML::Mark& mark) const {
    return lines_.locate(mark).to_string();
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message, std::string advice,
                           ErrorCode code = ErrorCode::Invalid) const {
    throw Refusal{make_error(code, std::move(message)).at(place(mark)).advise(std::move(advice))};
  }

  [[noreturn]] void refuse_depth(const YAML::Mark& mark) const {
    refuse(mark, fmt::format("lists and objects are nested more than {} deep", limits_.depth_max),
           "no valid manifest is", ErrorCode::LimitExceeded);
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag, std::string_view also) const {
    if (tag.empty() || tag == "?" || tag == also) return;
    refuse(mark, fmt::format("the tag {} is not supported", json::printable(tag)),
           "remove the tag; put text in quotes");
  }

  void count(const YAML::Mark& mark, std::size_t values) {
    values_ += values;
    if (values_ <= limits_.values_max) return;
    refuse(mark,
           fmt::format("the file has more than {} values, aliases counted in full",
                       limits_.values_max),
           "split the file, or write less with aliases", ErrorCode::LimitExceeded);
  }

  /// Counts text that is kept once more than it stands in the file.
  void count_expanded(const YAML::Mark& mark, std::size_t bytes) {
    expanded_bytes_ += bytes;
    if (expanded_bytes_ <= kExpansionMax * limits_.bytes_max) return;
    refuse(mark,
           fmt::format("the anchors and aliases stand for more than {} bytes of text",
                       kExpansionMax * limits_.bytes_max),
           "write less with aliases", ErrorCode::LimitExceeded);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, bool is_list) {
    if (at_key()) {
      if (lines_.at(mark).find("{{") != std::string_view::npos) {
        refuse(mark, "double braces stand in the text: this is a template",
               "render it first, for example with `helm template`");
      }
      refuse(mark, "a list or an object stands where a key is expected",
             "write keys as plain text; put text that starts with a bracket or brace in quotes");
    }
    count(mark, 1);
    if (frames_.size() >= limits_.depth_max) refuse_depth(mark);
    Frame& frame = frames_.emplace_back();
    frame.mark = mark;
    frame.anchor = anchor;
    frame.node.source.is_list = is_list;
    frame.node.size = 1;
    frame.node.depth = 1;
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.node.source.is_list) {
      frame.node.value = std::move(frame.items);
    } else {
      json::Object object;
      // Duplicate keys were refused when they came.
      static_cast<void>(json::Object::from_members(std::move(frame.members), object));
      frame.node.value = std::move(object);
    }
    remember(frame.mark, frame.anchor, frame.node);
    attach(frame.mark, std::move(frame.node));
  }

  [[nodiscard]] bool at_key() const {
    return !frames_.empty() && !frames_.back().node.source.is_list && !frames_.back().key;
  }

  void add(const YAML::Mark& mark, Node node, YAML::anchor_t anchor) {
    count(mark, 1);
    remember(mark, anchor, node);
    add_counted(mark, std::move(node));
  }

  void add_counted(const YAML::Mark& mark, Node node) {
    if (at_key()) return take_key(mark, node);
    attach(mark, std::move(node));
  }

  /// An anchored value is kept once more, so it counts once more.
  void remember(const YAML::Mark& mark, YAML::anchor_t anchor, const Node& node) {
    if (anchor == YAML::NullAnchor) return;
    count(mark, node.size);
    count_expanded(mark, node.bytes);
    anchors_.insert_or_assign(anchor, node);
  }

  void take_key(const YAML::Mark& mark, const Node& node) {
    Frame& frame = frames_.back();
    check_colon(mark, node.plain);
    if (node.plain == "<<") {
      refuse(mark, "merge keys (<<) are not supported", "write the fields out");
    }
    const std::string* const key = node.value.string();
    if (key == nullptr) {
      refuse(mark,
             node.plain.empty()
                 ? std::string("a key is missing or no text")
                 : fmt::format("the key {} is not text to YAML", json::printable(node.plain)),
             "put the key in quotes");
    }
    const json::LineColumn where = lines_.locate(mark);
    const auto [known, is_new] = frame.keys.emplace(*key, where);
    if (!is_new) {
      refuse(mark,
             fmt::format("the key \"{}\" is given twice, first at {}", json::printable(*key),
                         known->second.to_string()),
             "remove one of them");
    }
    frame.key = *key;
    frame.key_place = where;
  }

  /// A list that is not closed looks to yaml-cpp as if its last item were a key.
  void check_colon(const YAML::Mark& mark, std::string_view plain_key) const {
    if (plain_key.empty()) return;
    std::string_view rest = lines_.at(mark);
    rest.remove_prefix(
        std::min(rest.size(), static_cast<std::size_t>(mark.column) + plain_key.size()));
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t")));
    if (rest.starts_with(':')) return;
    const Frame& around = frames_.size() > 1 ? frames_[frames_.size() - 2] : frames_.back();
    refuse(mark, fmt::format("no colon follows the key {}", json::printable(plain_key)),
           fmt::format("write `name: value`, or close the list or object opened at {}",
                       place(around.mark)));
  }

  /// Hands a finished value to what is around it.
  void attach(const YAML::Mark& mark, Node node) {
    node.source.where = lines_.locate(mark);
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    frame.node.size += node.size;
    frame.node.bytes += node.bytes;
    frame.node.depth = std::max(frame.node.depth, node.depth + 1);
    if (frame.key) {
      node.source.key = *frame.key;
      node.source.where = frame.key_place;
      frame.node.bytes += frame.key->size();
      frame.members.push_back(
          {.key = *std::exchange(frame.key, std::nullopt), .value = std::move(node.value)});
    } else {
      frame.items.push_back(std::move(node.value));
    }
    frame.node.source.children.push_back(std::move(node.source));
  }

  const Lines& lines_;
  const Limits& limits_;
  std::vector<Document> documents_;
  std::size_t documents_seen_ = 0;
  std::size_t document_line_ = 1;
  std::size_t values_ = 0;
  std::size_t expanded_bytes_ = 0;
  std::vector<Frame> frames_;
  std::optional<Node> root_;
  std::map<YAML::anchor_t, Node> anchors_;
};

/// Refuses what no YAML text may hold, before yaml-cpp sees it.
Status check_characters(std::string_view text) {
  const auto fail = [&](std::size_t offset, std::string message, std::string advice) -> Status {
    return make_error(ErrorCode::Invalid, std::move(message))
        .at(json::locate(text, offset).to_string())
        .advise(std::move(advice));
  };
  const std::size_t broken = json::find_invalid_utf8(text);
  if (broken != std::string_view::npos) {
    return fail(broken, "the text is not valid UTF-8", "save the file as UTF-8");
  }
  const auto* const control = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<std::uint8_t>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
           c == '\x7f';
  });
  if (control != text.end()) {
    return fail(static_cast<std::size_t>(control - text.begin()),
                "a control character stands in the text", "remove it; is this a YAML file?");
  }
  return {};
}

/// The offset of a tab in the indentation of a line, or npos.
std::size_t find_tab_indent(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return line.substr(0, first).find('\t');
}

/// What yaml-cpp means, in words for somebody who looks at the file.
struct Explanation {
  std::string_view original;
  std::string_view message;
  std::string_view advice;
};

constexpr std::array<Explanation, 9> kExplanations{{
    {"illegal EOF in scalar", "a string in quotes is not closed",
     "look for a missing quote in this line or above it"},
    {"illegal document indicator in scalar", "a string in quotes is not closed",
     "look for a missing quote above this line"},
    {"end of map flow not found", "a brace { is not closed", "close it with }"},
    {"end of sequence flow not found", "a bracket [ is not closed", "close it with ]"},
    {"illegal map value", "a colon stands where no field can begin",
     "put text with a colon in quotes, or check the indentation"},
    {"end of map not found", "this does not belong to the fields above it",
     "indent fields of one object alike, and write each as `name: value`"},
    {"end of sequence not found", "this does not belong to the list above it",
     "indent items of one list alike, and begin each with `- `"},
    {"the referenced anchor is not defined", "an alias names no anchor above it",
     "write the value out, or put text that begins with * in quotes"},
    {"unknown token", "a character stands where it means nothing",
     "put text that begins with @, `, % or & in quotes"},
}};

Error syntax_error(const YAML::Exception& exception, const Lines& lines,
                   const std::optional<std::string>& opened_at) {
  json::LineColumn place = lines.locate(exception.mark);
  const std::size_t tab = find_tab_indent(lines.at(exception.mark));
  if (tab != std::string_view::npos) {
    place.column = tab + 1;
    return make_error(ErrorCode::Invalid, "a tab stands in the indentation")
        .at(place.to_string())
        .advise("indent with spaces");
  }
  std::string message = fmt::format("broken YAML: {}", exception.msg);
  std::string advice = "check the indentation, colons, quotes and brackets there and just above";
  const auto* const known = std::find_if(
      kExplanations.begin(), kExplanations.end(),
      [&](const Explanation& each) { return exception.msg.starts_with(each.original); });
  if (known != kExplanations.end()) {
    message = known->message;
    advice = known->advice;
    if (message.ends_with("is not closed") && message.find("quotes") == std::string::npos &&
        opened_at) {
      message += ", which was opened at " + *opened_at;
    }
  }
  return make_error(ErrorCode::Invalid, std::move(message))
      .at(place.to_string())
      .advise(std::move(advice));
}

}  // namespace

Result<std::vector<Document>> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes_max) {
    return make_error(ErrorCode::LimitExceeded,
                      fmt::format("the file has {} bytes, more than the limit of {}", text.size(),
                                  limits.bytes_max))
        .advise("split it");
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  RETURN_IF_ERROR(check_characters(text));
  const Lines lines(text);
  DocumentBuilder builder(lines, limits);
  try {
    // yaml-cpp takes the end of the text for the closing quote of a string, if it follows a line
    // break. The mark of a document's end inside a string it refuses.
    std::string marked(text);
    marked += text.empty() || text.ends_with('\n') ? "...\n" : "\n...\n";
    std::istringstream stream(std::move(marked));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refusal& refusal) {
    return refusal.error;
  } catch (const YAML::Exception& exception) {
    return syntax_error(exception, lines, builder.innermost_start());
  } catch (const std::exception& exception) {
    return make_error(ErrorCode::Internal,
                      fmt::format("the YAML parser failed: {}", exception.what()));
  }
}

}  // namespace tokenscaler::yaml
