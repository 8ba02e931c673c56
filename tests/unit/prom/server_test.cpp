#include "prom/server.h"

#include <functional>

#include <gtest/gtest.h>

namespace tokenscaler::prom {
namespace {

Server valid_server() {
  Server server;
  server.url = "https://mimir.example:8443/prometheus";
  return server;
}

TEST(Server, AcceptsTheUsual) {
  EXPECT_TRUE(validate(valid_server()));
  Server server = valid_server();
  server.url = "http://[::1]:9090";
  server.headers.add("X-Scope-OrgID", "team-a");
  server.credentials.bearer_token_file = "/var/run/secrets/token";
  server.extra_matchers = {{"cluster", LabelMatcher::Op::Equal, "eu-1"}};
  EXPECT_TRUE(validate(server));
}

TEST(Server, SaysWhatIsWrong) {
  const auto error_of = [](const std::function<void(Server&)>& change) {
    Server server = valid_server();
    change(server);
    const Status status = validate(server);
    return status ? std::string("valid") : status.error().to_string();
  };
  EXPECT_EQ(error_of([](Server& s) { s.url = ""; }),
            "url: no address is given (write it as https://host:port/prefix)");
  EXPECT_EQ(error_of([](Server& s) { s.url = "ftp://x"; }),
            "url: the address does not start with http:// or https:// (write it as "
            "https://host:port/prefix)");
  EXPECT_EQ(error_of([](Server& s) { s.url = "https://user:secret@x"; }),
            "url: the address has credentials in it (give user and password as basic credentials, "
            "not in the address)");
  EXPECT_EQ(error_of([](Server& s) { s.url = "https://x?tenant=a"; }),
            "url: the address has a query or a fragment (give the address without ? and #; tenants "
            "go into headers)");
  EXPECT_EQ(error_of([](Server& s) { s.url = "https://:9090"; }),
            "url: the address names no host (write it as https://host:port/prefix)");
  EXPECT_EQ(error_of([](Server& s) { s.url = "https://x\r\nHost: y"; }),
            "url: the address has a space or a control character in it (write it as "
            "https://host:port/prefix)");
  EXPECT_EQ(error_of([](Server& s) {
              s.credentials.bearer_token = "a";
              s.credentials.basic_user = "b";
            }),
            "credentials: more than one way to authenticate is given (keep one of bearer token, "
            "bearer token file, basic user and an Authorization header)");
  EXPECT_EQ(error_of([](Server& s) { s.credentials.bearer_token = "a\n"; }),
            "credentials: a credential has a control character in it (check it for a line break at "
            "its end)");
  EXPECT_EQ(
      error_of([](Server& s) { s.headers.add("X-A", "b\r\nX-C: d"); }),
      "headers: \"X-A\" is not a valid header (a name has letters, digits and dashes; a value "
      "has no line breaks)");
  EXPECT_EQ(error_of([](Server& s) { s.headers.add("host", "x"); }),
            "headers: the header host is set by the client itself (leave it out)");
  EXPECT_EQ(
      error_of([](Server& s) { s.namespace_label = "a}"; }),
      "namespace_label: \"a}\" is not a label name (a label name has letters, digits and _ and "
      "does not start with __)");
  EXPECT_EQ(error_of([](Server& s) { s.replica_labels = {"pod"}; }),
            "replica_labels: pod tells pods apart (name the external labels in which the replicas "
            "of a Prometheus pair differ)");
  EXPECT_EQ(error_of([](Server& s) {
              s.extra_matchers = {{"namespace", LabelMatcher::Op::Matches, ".*"}};
            }),
            "extra_matchers: the namespace is matched by every query already (leave it out)");
  EXPECT_EQ(error_of([](Server& s) { s.max_concurrent_queries = 0; }),
            "max_concurrent_queries: out of range (give 1 to 64)");
}

TEST(Server, PrintsAddressesWithoutSecrets) {
  EXPECT_EQ(printable_url("https://user:secret@host:1/a?token=b"), "https://host:1/a");
  EXPECT_EQ(printable_url("http://host/a@b"), "http://host/a@b");
  EXPECT_EQ(printable_url("user:p@host"), "host");
}

}  // namespace
}  // namespace tokenscaler::prom
