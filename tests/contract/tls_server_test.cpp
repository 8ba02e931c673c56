// research/cpp.md A.2 on our server with TLS: handshakes that do not come, client certificates,
// rotation under load.
#include <dlfcn.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "contract/tls_fixture.h"

namespace {
std::atomic<int> tls_sessions_to_fail{0};
}

/// Stands before OpenSSL's own, which fails like this when memory is short.
extern "C" SSL* SSL_new(SSL_CTX* context) {
  if (tls_sessions_to_fail > 0) {
    --tls_sessions_to_fail;
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    return nullptr;
  }
  static const auto real = reinterpret_cast<SSL* (*)(SSL_CTX*)>(::dlsym(RTLD_NEXT, "SSL_new"));
  return real(context);
}

namespace tokenscaler::contract {
namespace {

using http::ClientCertificates;
using testing::ElementsAre;
using testing::HasSubstr;

using TlsServerTest = TlsTest;

TEST_F(TlsServerTest, ConnectionsWithoutAClientHelloAreCut) {
  auto options = tls_options();
  options.limits.handshake_timeout = milliseconds(300);
  const auto server = serve(options, who());
  std::vector<RawSocket> clients;
  clients.reserve(200);
  for (int i = 0; i < 200; ++i) clients.push_back(RawSocket::connect(server->port()));
  EXPECT_TRUE(make_client(client_options())->send(get(server->url()), {}));  // Served meanwhile.
  for (RawSocket& client : clients) EXPECT_TRUE(client.closed_within(milliseconds(5'000)));
}

TEST_F(TlsServerTest, GarbageInsteadOfAHandshakeCostsOneConnection) {
  const auto server = serve(tls_options(), who());
  const MemoryGrowth growth;
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(kMiB, '\x16'),
        std::string("\x16\x03\x01\xff\xff\x01\xff\xff\xff", 9), std::string(100'000, '\0')}) {
    RawSocket client = RawSocket::connect(server->port());
    client.send(garbage, milliseconds(500));
    client.finish_sending();
    EXPECT_TRUE(client.closed_within(milliseconds(2'000)));
  }
  EXPECT_LT(growth.bytes(), 4 * kMiB);
  EXPECT_TRUE(make_client(client_options())->send(get(server->url()), {}));
}

TEST_F(TlsServerTest, TheHostileChunkSizeCostsOneRequestWithTlsToo) {
  const auto server = serve(tls_options(), who());
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(server->port())).c_str());
  const std::string attack =
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabcdef\r\n";
  EXPECT_EQ(BIO_write(bio, attack.data(), static_cast<int>(attack.size())),
            static_cast<int>(attack.size()));
  std::string answer(4'096, '\0');
  const int got = BIO_read(bio, answer.data(), static_cast<int>(answer.size()));
  EXPECT_THAT(answer.substr(0, static_cast<std::size_t>(std::max(got, 0))),
              testing::StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(BIO_read(bio, answer.data(), static_cast<int>(answer.size())), 0);
  BIO_free_all(bio);
  SSL_CTX_free(context);
  EXPECT_TRUE(make_client(client_options())->send(get(server->url()), {}));
}

TEST_F(TlsServerTest, OldProtocolVersionsAreRefused) {
  const auto server = serve(tls_options(), who());
  const auto works_with = [&](int version) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);  // Else this client would refuse before the server.
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    BIO* bio = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(server->port())).c_str());
    const bool works = BIO_do_handshake(bio) == 1;
    BIO_free_all(bio);
    SSL_CTX_free(context);
    return works;
  };
  EXPECT_FALSE(works_with(TLS1_1_VERSION));
  EXPECT_TRUE(works_with(TLS1_2_VERSION));
  EXPECT_TRUE(works_with(TLS1_3_VERSION));
}

TEST_F(TlsServerTest, OptionalCertificatesAreTheHandlersDecision) {
  const auto server = serve(tls_options(ClientCertificates::Optional), who());
  const auto answer = [&](const http::CurlClientOptions& options) -> std::string {
    const auto response = make_client(options)->send(get(server->url()), {});
    return response ? response->body : response.error().to_string();
  };
  EXPECT_EQ(answer(client_options(false)), "nobody");
  EXPECT_EQ(answer(client_options(true)), "verified first");
  const Authority other("another authority");
  replace_pair(client_cert_, client_key_, other.issue(client_leaf("stranger")));
  EXPECT_EQ(answer(client_options(true)), "unverified stranger");
  replace_pair(client_cert_, client_key_, authority_.issue(client_leaf("late", true)));
  EXPECT_EQ(answer(client_options(true)), "unverified late");
  LeafOptions server_leaf;
  server_leaf.common_name = "a server";
  replace_pair(client_cert_, client_key_, authority_.issue(server_leaf));
  EXPECT_EQ(answer(client_options(true)), "unverified a server");  // Purpose is checked.
}

TEST_F(TlsServerTest, ACertificateIsReadInFull) {
  http::PeerCertificate peer;
  const auto server = serve(tls_options(ClientCertificates::Required),
                            http::answer_with([&](const http::Request& request) {
                              peer = request.peer_certificate.value_or(http::PeerCertificate{});
                              return http::Response::text(200, request.tls ? "tls" : "plain");
                            }));
  const auto response = make_client(client_options(true))->send(get(server->url()), {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->body, "tls");
  EXPECT_TRUE(peer.verified) << peer.verify_error;
  EXPECT_EQ(peer.common_name, "first");
  EXPECT_THAT(peer.organizations, ElementsAre("system:masters"));
  EXPECT_THAT(peer.dns_names, ElementsAre("client.example"));
  EXPECT_THAT(peer.ip_addresses, ElementsAre("192.0.2.7"));
  EXPECT_THAT(peer.uris, ElementsAre("spiffe://example/client"));
}

TEST_F(TlsServerTest, RotationUnderLoadFailsNoRequest) {
  const auto server = serve(tls_options(), echo());
  std::atomic<bool> end{false};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::mutex mutex;
  std::string first_failure;
  std::vector<std::jthread> callers;
  callers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      while (!end) {
        // Half of them open a new connection for each request.
        const auto client = make_client(client_options());
        for (int call = 0; call < (i % 2 == 0 ? 1 : 20) && !end; ++call) {
          const auto response = client->send(get(server->url()), {});
          ++(response ? answered : failed);
          if (!response) {
            const std::lock_guard lock(mutex);
            first_failure = response.error().to_string();
          }
        }
      }
    });
  }
  const auto serves_name = [&](const std::string& name) {
    auto options = client_options();
    options.tls.server_name = name;
    return make_client(options)->send(get(server->url()), {}).has_value();
  };
  for (int round = 0; round < 8; ++round) {
    LeafOptions leaf;
    const std::string name = "round" + std::to_string(round) + ".example";
    leaf.alternative_names += ",DNS:" + name;
    replace_pair(server_cert_, server_key_, authority_.issue(leaf));
    EXPECT_TRUE(eventually([&] { return serves_name(name); }, milliseconds(5'000))) << name;
  }
  end = true;
  callers.clear();
  EXPECT_EQ(failed, 0) << first_failure;
  EXPECT_GT(answered, 20);
}

TEST_F(TlsServerTest, AConnectionThatCannotBeSetUpDoesNotEndTheListener) {
  Reports reports;
  auto options = tls_options();
  options.report = reports.sink();
  const auto server = serve(options, who());
  tls_sessions_to_fail = 2;
  for (int i = 0; i < 2; ++i) {
    const RawSocket client = RawSocket::connect(server->port());
    EXPECT_TRUE(client.closed_within(milliseconds(5'000)));
  }
  EXPECT_EQ(tls_sessions_to_fail, 0);
  EXPECT_TRUE(make_client(client_options())->send(get(server->url()), {}));
  ASSERT_EQ(reports.texts().size(), 2U);
  EXPECT_THAT(reports.texts().front(), HasSubstr("a connection is dropped"));
}

TEST_F(TlsServerTest, ConnectionsOfAReplacedClientAuthorityEnd) {
  const std::string client_ca = files_ / "client-ca.crt";
  replace_file(client_ca, authority_.certificate());
  auto options = tls_options(ClientCertificates::Required);
  options.tls->client_ca_file = client_ca;
  const auto server = serve(options, who());
  const auto kept = make_client(client_options(true));
  ASSERT_TRUE(kept->send(get(server->url()), {}));
  const Authority other("another authority");
  replace_file(client_ca, other.certificate());
  ASSERT_TRUE(eventually([&] {
    return !make_client(client_options(true))->send(get(server->url()), {});
  })) << "new handshakes";
  // One more answer may come, and tells that the connection ends with it.
  EXPECT_TRUE(eventually([&] { return !kept->send(get(server->url()), {}); }))
      << "the connection that was there before";
}

TEST_F(TlsServerTest, UnusableFilesKeepTheLastPairAndAreReported) {
  Reports reports;
  auto options = tls_options();
  options.report = reports.sink();
  const auto server = serve(options, who());
  replace_file(server_cert_, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
  ASSERT_TRUE(eventually([&] { return !reports.texts().empty(); }));
  EXPECT_THAT(reports.texts().front(), HasSubstr("server.crt: holds no PEM certificate"));
  EXPECT_THAT(reports.texts().front(), HasSubstr("the last usable ones stay in use"));
  EXPECT_TRUE(make_client(client_options())->send(get(server->url()), {}));
  pass(milliseconds(100));
  EXPECT_EQ(reports.texts().size(), 1U) << "one state, one report";
}

TEST_F(TlsServerTest, UnusableFilesAtTheStartAreAnError) {
  auto options = tls_options(ClientCertificates::Required);
  options.tls->client_ca_file.clear();
  EXPECT_THAT(http::Server::start(options, who()).error().to_string(), HasSubstr("client CA file"));
  options = tls_options();
  options.tls->key_file = client_key_;
  EXPECT_THAT(http::Server::start(options, who()).error().to_string(), HasSubstr("is not the key"));
}

TEST_F(TlsServerTest, LargeAnswersAndStreamsArriveWhole) {
  const std::string large(3 * kMiB, 'x');
  const auto server =
      serve(tls_options(), [&](const http::Request& request, http::Responder answer) {
        if (request.path() == "/whole")
          return std::move(answer).send(http::Response::text(200, large));
        const auto stream = std::move(answer).stream(200, {});
        for (int i = 0; i < 300; ++i) {
          if (!stream->write_waiting(std::string(10'000, 'y'), request.stop)) return;
        }
        stream->finish();
      });
  const auto client = make_client(client_options());
  const auto whole = client->send(get(server->url() + "/whole"), {});
  ASSERT_TRUE(whole) << whole.error().to_string();
  EXPECT_TRUE(whole->body == large);
  const auto streamed = client->send(get(server->url() + "/stream"), {});
  ASSERT_TRUE(streamed) << streamed.error().to_string();
  EXPECT_EQ(streamed->body.size(), 3'000'000U);
}

TEST_F(TlsServerTest, AClientThatLeavesAStreamIsSeen) {
  std::atomic<int> gone{0};
  const auto server = serve(tls_options(), [&](const http::Request&, http::Responder answer) {
    const auto stream = std::move(answer).stream(200, {});
    static_cast<void>(stream->write("first"));
    if (eventually([&] { return stream->client_gone(); })) ++gone;
  });
  EXPECT_FALSE(make_client(client_options())
                   ->stream(get(server->url()), [](std::string_view) { return false; }, {}));
  EXPECT_TRUE(eventually([&] { return gone == 1; }));
}

}  // namespace
}  // namespace tokenscaler::contract
