#include "command_line.h"

#include <array>
#include <sstream>
#include <string_view>
#include <utility>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "version.h"

namespace tokenscaler::cli {

namespace {

namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "tokenscaler: sizes LLM inference fleets by tokens\n"
    "\n"
    "Usage:\n"
    "  tokenscaler validate FILE...            check TokenScaler manifests\n"
    "  tokenscaler recommend -f FILE --prometheus URL [--watch]\n"
    "                                          say how many replicas a fleet needs, and why\n"
    "  tokenscaler COMMAND --help              the options of a command\n"
    "  tokenscaler --version\n"
    "\n"
    "Exit status: 0 done, 1 something is wrong with the input, 2 wrong usage,\n"
    "3 Prometheus or the target could not be read.\n";

constexpr std::chrono::milliseconds kShortestInterval{1'000};
constexpr std::chrono::milliseconds kLongestInterval{3'600'000};

Error usage_error(std::string message, std::string_view command = "") {
  return make_error(ErrorCode::Invalid, std::move(message))
      .advise(fmt::format("see tokenscaler {}--help",
                          command.empty() ? "" : fmt::format("{} ", command)));
}

std::string help_text(std::string_view synopsis, const po::options_description& options) {
  std::ostringstream text;
  text << "Usage: tokenscaler " << synopsis << "\n\n" << options;
  return std::move(text).str();
}

Result<OutputFormat> parse_output(const std::string& word, std::string_view command) {
  if (word == "text") return OutputFormat::Text;
  if (word == "json") return OutputFormat::Json;
  return usage_error(fmt::format("--output is \"{}\", not text or json", word), command);
}

/// Boost reports what it finds wrong by exceptions; they end here.
Result<po::variables_map> parse_options(std::span<const std::string> arguments,
                                        const po::options_description& options,
                                        const po::positional_options_description& positional,
                                        std::string_view command) {
  try {
    po::variables_map values;
    const std::vector<std::string> words(arguments.begin(), arguments.end());
    // Abbreviated option names would break scripts whenever a longer name is added.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(
        po::command_line_parser(words).options(options).positional(positional).style(style).run(),
        values);
    po::notify(values);
    return values;
  } catch (const po::error& error) {
    return usage_error(error.what(), command);
  }
}

Result<Command> parse_validate(std::span<const std::string> arguments) {
  po::options_description options("Options");
  options.add_options()("help,h", "print this text")(
      "output,o", po::value<std::string>()->default_value("text"), "text or json");
  po::options_description all;
  all.add(options).add_options()("file", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("file", -1);
  ASSIGN_OR_RETURN(const po::variables_map values,
                   parse_options(arguments, all, positional, "validate"));
  if (values.count("help") > 0) {
    return Command(PrintText{help_text("validate FILE... (- for standard input)", options)});
  }
  if (values.count("file") == 0) return usage_error("no file is named", "validate");
  ValidateCommand command;
  command.files = values["file"].as<std::vector<std::string>>();
  ASSIGN_OR_RETURN(command.output, parse_output(values["output"].as<std::string>(), "validate"));
  return Command(std::move(command));
}

po::options_description recommend_options() {
  po::options_description options("Options");
  options.add_options()("help,h", "print this text")(
      "filename,f", po::value<std::string>(),
      "the TokenScaler manifest (YAML or JSON, - for standard input)")(
      "name", po::value<std::string>()->default_value(""),
      "which TokenScaler, if the file has several")("watch,w", po::bool_switch(),
                                                    "evaluate again and again until interrupted")(
      "interval-seconds", po::value<double>()->default_value(15.0, "15"),
      "time between evaluations, 1..3600")(
      "cycles", po::value<std::int64_t>()->default_value(0),
      "with --watch: stop after so many evaluations; 0: never")(
      "output,o", po::value<std::string>()->default_value("text"),
      "text or json (with --watch one line for each evaluation)")(
      "replicas", po::value<std::int32_t>(),
      "the target's replicas, where kube-state-metrics does not tell them");
  return options;
}

po::options_description prometheus_options() {
  po::options_description options("Prometheus");
  options.add_options()(
      "prometheus", po::value<std::string>(),
      "address, with a path prefix if it has one: https://mimir.example/prometheus")(
      "bearer-token-file", po::value<std::string>()->default_value(""),
      "file with a bearer token, read again for each query")(
      "basic-user", po::value<std::string>()->default_value(""), "user name")(
      "basic-password-file", po::value<std::string>()->default_value(""), "file with the password")(
      "ca-file", po::value<std::string>()->default_value(""),
      "PEM roots to trust instead of the system's")(
      "certificate-file", po::value<std::string>()->default_value(""), "PEM client certificate")(
      "key-file", po::value<std::string>()->default_value(""), "PEM key of the client certificate")(
      "tls-server-name", po::value<std::string>()->default_value(""),
      "name that the server's certificate has to carry")("insecure-skip-tls-verify",
                                                         po::bool_switch(), "trust any server")(
      "header", po::value<std::vector<std::string>>()->composing(),
      "NAME: VALUE sent with every query, as X-Scope-OrgID; may be repeated")(
      "namespace-label", po::value<std::string>()->default_value("namespace"),
      "label that holds a series' namespace")("pod-label",
                                              po::value<std::string>()->default_value("pod"),
                                              "label that holds a series' pod")(
      "query-timeout-seconds", po::value<double>()->default_value(10.0, "10"),
      "limit for one query, 0.1..600");
  return options;
}

Result<http::Header> parse_header(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0) {
    // The value may be a credential: it is not repeated.
    return usage_error("a --header is not of the form NAME: VALUE", "recommend");
  }
  const std::size_t value = text.find_first_not_of(" \t", colon + 1);
  return http::Header{text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
}

Result<std::chrono::milliseconds> parse_seconds(double seconds, std::chrono::milliseconds least,
                                                std::chrono::milliseconds most,
                                                std::string_view option) {
  const double milliseconds = seconds * 1000.0;
  if (!(milliseconds >= static_cast<double>(least.count()) &&
        milliseconds <= static_cast<double>(most.count()))) {
    return usage_error(fmt::format("--{} is {}, outside {}..{}", option, seconds,
                                   static_cast<double>(least.count()) / 1000.0,
                                   static_cast<double>(most.count()) / 1000.0),
                       "recommend");
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

Result<prom::Server> parse_server(const po::variables_map& values) {
  const auto text = [&](const char* name) { return values[name].as<std::string>(); };
  prom::Server server;
  server.url = text("prometheus");
  server.credentials.bearer_token_file = text("bearer-token-file");
  server.credentials.basic_user = text("basic-user");
  server.credentials.basic_password_file = text("basic-password-file");
  server.tls.ca_file = text("ca-file");
  server.tls.certificate_file = text("certificate-file");
  server.tls.key_file = text("key-file");
  server.tls.server_name = text("tls-server-name");
  server.tls.insecure_skip_verify = values["insecure-skip-tls-verify"].as<bool>();
  server.namespace_label = text("namespace-label");
  server.pod_label = text("pod-label");
  // Whoever runs this tool is the owner of the credentials and the author of the manifest.
  server.custom_queries = prom::CustomQueryPolicy::Trusted;
  if (values.count("header") > 0) {
    for (const std::string& line : values["header"].as<std::vector<std::string>>()) {
      ASSIGN_OR_RETURN(http::Header header, parse_header(line));
      server.headers.add(std::move(header.name), std::move(header.value));
    }
  }
  ASSIGN_OR_RETURN(
      server.query_timeout,
      parse_seconds(values["query-timeout-seconds"].as<double>(), std::chrono::milliseconds(100),
                    std::chrono::milliseconds(600'000), "query-timeout-seconds"));
  RETURN_IF_ERROR(prom::validate(server));
  return server;
}

Result<Command> parse_recommend(std::span<const std::string> arguments) {
  po::options_description all;
  all.add(recommend_options()).add(prometheus_options());
  ASSIGN_OR_RETURN(
      const po::variables_map values,
      parse_options(arguments, all, po::positional_options_description(), "recommend"));
  if (values.count("help") > 0) {
    return Command(PrintText{help_text("recommend -f FILE --prometheus URL [--watch]", all)});
  }
  if (values.count("filename") == 0) return usage_error("-f FILE is missing", "recommend");
  if (values.count("prometheus") == 0)
    return usage_error("--prometheus URL is missing", "recommend");
  RecommendCommand command;
  command.file = values["filename"].as<std::string>();
  command.name = values["name"].as<std::string>();
  command.watch = values["watch"].as<bool>();
  const std::int64_t cycles = values["cycles"].as<std::int64_t>();
  if (cycles < 0) return usage_error("--cycles is negative", "recommend");
  command.cycles = static_cast<std::size_t>(cycles);
  if (values.count("replicas") > 0) {
    const std::int32_t replicas = values["replicas"].as<std::int32_t>();
    if (replicas < 0) return usage_error("--replicas is negative", "recommend");
    command.replicas = Replicas(replicas);
  }
  ASSIGN_OR_RETURN(command.interval,
                   parse_seconds(values["interval-seconds"].as<double>(), kShortestInterval,
                                 kLongestInterval, "interval-seconds"));
  ASSIGN_OR_RETURN(command.output, parse_output(values["output"].as<std::string>(), "recommend"));
  ASSIGN_OR_RETURN(command.server, parse_server(values));
  return Command(std::move(command));
}

}  // namespace

Result<Command> parse_command_line(std::span<const std::string> arguments) {
  if (arguments.empty()) return usage_error("no command is given");
  const std::string& word = arguments.front();
  const auto rest = arguments.subspan(1);
  if (word == "--help" || word == "-h" || word == "help")
    return Command(PrintText{std::string(kUsage)});
  if (word == "--version" || word == "version") {
    return Command(PrintText{fmt::format("tokenscaler {}\n", kVersion)});
  }
  if (word == "validate") return parse_validate(rest);
  if (word == "recommend") return parse_recommend(rest);
  return usage_error(fmt::format("there is no command \"{}\"", word));
}

}  // namespace tokenscaler::cli
