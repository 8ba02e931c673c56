// research/cpp.md A.1 on our client: whom it trusts, who it is, and what it says when it fails.
#include <cstdlib>
#include <fstream>

#include "contract/tls_fixture.h"

namespace tokenscaler::contract {
namespace {

using http::ClientCertificates;
using testing::AnyOf;
using testing::HasSubstr;

class TlsClientTest : public TlsTest {
 protected:
  static Result<http::ClientResponse> call(const http::CurlClientOptions& options,
                                           const std::string& url) {
    return make_client(options)->send(get(url), {});
  }
  static std::string on_port(const std::string& host, const http::Server& server) {
    return "https://" + host + ":" + std::to_string(server.port()) + "/";
  }
};

TEST_F(TlsClientTest, VerifiesNamesAndAddresses) {
  auto options = tls_options();
  options.address = "::";
  const auto server = serve(options, who());
  for (const char* host : {"localhost", "127.0.0.1", "[::1]"}) {
    const auto response = call(client_options(), on_port(host, *server));
    ASSERT_TRUE(response) << host << ": " << response.error().to_string();
    EXPECT_EQ(response->body, "nobody");
  }
}

TEST_F(TlsClientTest, RefusesAServerOfAnotherAuthority) {
  const auto server = serve(tls_options(), who());
  const Authority other("another authority");
  auto options = client_options();
  options.tls.ca_file = files_ / "other.crt";
  replace_file(options.tls.ca_file, other.certificate());
  EXPECT_THAT(call(options, server->url()),
              FailsWith(ErrorCode::Unauthenticated, "give the CA that issued it"));
}

TEST_F(TlsClientTest, RefusesAnAuthorityOfTheSameNameWithAnotherKey) {
  const auto server = serve(tls_options(), who());
  const Authority impostor("test authority");
  auto options = client_options();
  options.tls.ca_file = files_ / "impostor.crt";
  replace_file(options.tls.ca_file, impostor.certificate());
  EXPECT_THAT(call(options, server->url()), FailsWith(ErrorCode::Unauthenticated, "not accepted"));
}

TEST_F(TlsClientTest, RefusesAWrongName) {
  LeafOptions leaf;
  leaf.alternative_names = "DNS:elsewhere.example,IP:192.0.2.1";
  replace_pair(server_cert_, server_key_, authority_.issue(leaf));
  const auto server = serve(tls_options(), who());
  for (const char* host : {"localhost", "127.0.0.1"}) {
    EXPECT_THAT(call(client_options(), on_port(host, *server)),
                FailsWith(ErrorCode::Unauthenticated, "use a name that the certificate carries"));
  }
}

TEST_F(TlsClientTest, ChecksTheServerNameThatItWasGiven) {
  LeafOptions leaf;
  leaf.alternative_names = "DNS:api.internal";
  replace_pair(server_cert_, server_key_, authority_.issue(leaf));
  const auto server = serve(tls_options(), http::answer_with([](const http::Request& request) {
                              return http::Response::text(
                                  200, std::string(request.headers.find("Host").value_or("")));
                            }));
  auto options = client_options();
  options.tls.server_name = "api.internal";
  const auto response = call(options, server->url());
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "127.0.0.1:" + std::to_string(server->port()));
  options.tls.server_name = "api.external";
  EXPECT_THAT(call(options, server->url()), FailsWith(ErrorCode::Unauthenticated, "subject name"));
}

TEST_F(TlsClientTest, RefusesAnExpiredCertificate) {
  LeafOptions leaf;
  leaf.expired = true;
  replace_pair(server_cert_, server_key_, authority_.issue(leaf));
  const auto server = serve(tls_options(), who());
  EXPECT_THAT(call(client_options(), server->url()),
              FailsWith(ErrorCode::Unauthenticated, "renew the certificate"));
}

TEST_F(TlsClientTest, RefusesAClientsCertificateAsAServers) {
  replace_pair(server_cert_, server_key_, authority_.issue(client_leaf("leaf")));
  const auto server = serve(tls_options(), who());
  EXPECT_THAT(call(client_options(), server->url()),
              FailsWith(ErrorCode::Unauthenticated, "not accepted"));
}

TEST_F(TlsClientTest, TrustsAnyoneOnlyWhenAskedTo) {
  const auto server = serve(tls_options(), who());
  http::CurlClientOptions options;
  EXPECT_THAT(call(options, server->url()), FailsWith(ErrorCode::Unauthenticated, "not accepted"));
  options.tls.insecure_skip_verify = true;
  EXPECT_TRUE(call(options, server->url()));
}

TEST_F(TlsClientTest, DoesNotAddTheSystemsRootsToItsOwn) {
  const auto server = serve(tls_options(), who());
  ::setenv("SSL_CERT_FILE", ca_file_.c_str(), 1);  // The system trusts the server's authority,
  const auto by_system = call({}, server->url());
  const Authority other("another authority");
  http::CurlClientOptions options;
  options.tls.ca_file = files_ / "other.crt";
  replace_file(options.tls.ca_file, other.certificate());
  const auto by_own = call(options, server->url());  // and the client was told not to.
  ::unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(by_system) << by_system.error().to_string();
  EXPECT_THAT(by_own, FailsWith(ErrorCode::Unauthenticated, "not accepted"));
}

TEST_F(TlsClientTest, SaysThatItsCertificateIsMissingOrRefused) {
  const auto server = serve(tls_options(ClientCertificates::Required), who());
  // TLS 1.3 reports it after the handshake. The alert and the end of the connection race with our
  // request, so several tries: each must tell a person to look at the client certificate.
  for (int i = 0; i < 20; ++i) {
    const auto response = call(client_options(false), server->url());
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().to_string(), HasSubstr("client certificate"));
    EXPECT_THAT(response.error().code, AnyOf(ErrorCode::Unauthenticated, ErrorCode::Unavailable));
  }
  const Authority other("another authority");
  replace_pair(client_cert_, client_key_, other.issue(client_leaf("leaf")));
  const auto response = call(client_options(true), server->url());
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().to_string(), HasSubstr("client certificate"));
}

TEST_F(TlsClientTest, TakesANewCertificateAndDropsConnectionsOfTheOld) {
  const auto server = serve(tls_options(ClientCertificates::Required), who());
  const auto client = make_client(client_options(true));
  const auto name = [&]() -> std::string {
    const auto response = client->send(get(server->url()), {});
    return response ? response->body : response.error().to_string();
  };
  EXPECT_EQ(name(), "verified first");
  EXPECT_EQ(name(), "verified first");
  EXPECT_EQ(server->connections(), 1U);  // Pooled,
  replace_pair(client_cert_, client_key_, client_pair("second"));
  EXPECT_EQ(name(), "verified second");  // and not used for the new identity.

  // Half of a rotation: the pair does not fit, so the last one that did stays in use.
  const KeyPair third = client_pair("third");
  replace_file(client_cert_, third.certificate);
  EXPECT_EQ(name(), "verified second");
  replace_file(client_key_, third.key);
  EXPECT_EQ(name(), "verified third");
}

TEST_F(TlsClientTest, TakesNewRoots) {
  const auto server = serve(tls_options(), who());
  const auto client = make_client(client_options());
  ASSERT_TRUE(client->send(get(server->url()), {}));
  const Authority next("next authority");
  replace_file(ca_file_, next.certificate());
  EXPECT_FALSE(client->send(get(server->url()), {})) << "a pooled connection of the old roots";
  replace_file(ca_file_, next.certificate() + authority_.certificate());
  EXPECT_TRUE(client->send(get(server->url()), {}));
}

TEST_F(TlsClientTest, TakesNewRootsOfTheSystemToo) {
  const auto server = serve(tls_options(), who());
  const std::string roots = files_ / "roots.crt";
  replace_file(roots, authority_.certificate());
  ::setenv("SSL_CERT_FILE", roots.c_str(), 1);
  auto system_options = client_options();
  system_options.tls.ca_file.clear();
  const auto client = make_client(system_options);
  ::unsetenv("SSL_CERT_FILE");
  const auto first = client->send(get(server->url()), {});
  ASSERT_TRUE(first) << first.error().to_string();
  const Authority other("another authority");
  replace_file(roots, other.certificate());
  // On another name, so that no pooled connection is used.
  EXPECT_THAT(client->send(get(on_port("localhost", *server)), {}),
              FailsWith(ErrorCode::Unauthenticated, "not accepted"));
}

TEST_F(TlsClientTest, NamesTheFileThatCannotBeUsed) {
  const auto error_of = [](const http::CurlClientOptions& options) {
    const auto client = http::make_curl_client(options);
    return client ? std::string("none") : client.error().to_string();
  };
  auto options = client_options(true);
  options.tls.ca_file = files_ / "absent.crt";
  EXPECT_THAT(error_of(options), HasSubstr("absent.crt: cannot read: No such file"));
  options = client_options(true);
  options.tls.key_file.clear();
  EXPECT_THAT(error_of(options), HasSubstr("needs its key"));
  options = client_options(true);
  options.tls.key_file = server_key_;
  EXPECT_THAT(error_of(options), HasSubstr("server.key: is not the key of"));
  options = client_options(true);
  replace_file(client_key_, "not a key");
  EXPECT_THAT(error_of(options), HasSubstr("client.key: holds no usable PEM private key"));
  options = client_options();
  replace_file(ca_file_, "");
  EXPECT_THAT(error_of(options), HasSubstr("ca.crt: holds no PEM certificate"));
  replace_file(ca_file_, std::string(2 * kMiB, 'x'));
  EXPECT_THAT(error_of(options), HasSubstr("larger than 1 MiB"));
  options.tls.ca_file = "/";
  EXPECT_THAT(error_of(options), HasSubstr("/: cannot read"));
}

TEST_F(TlsClientTest, APlainServerOnTheTlsPortIsNamed) {
  const RawServer plain([](RawSocket& socket, const std::stop_token&) {
    static_cast<void>(socket.receive());
    socket.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_THAT(call(client_options(), "https://127.0.0.1:" + std::to_string(plain.port())),
              FailsWith(ErrorCode::Unavailable, "speaks TLS"));
}

}  // namespace
}  // namespace tokenscaler::contract
