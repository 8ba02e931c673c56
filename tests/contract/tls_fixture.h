// What the TLS tests share: an authority, its files, and servers that use them.
#pragma once

#include "contract/certificates.h"
#include "contract/server_fixture.h"

namespace tokenscaler::contract {

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    replace_file(ca_file_, authority_.certificate());
    replace_pair(server_cert_, server_key_, authority_.issue({}));
    replace_pair(client_cert_, client_key_, client_pair("first"));
  }

  [[nodiscard]] KeyPair client_pair(const std::string& name) const {
    LeafOptions options;
    options.client = true;
    options.common_name = name;
    options.organization = "system:masters";
    options.alternative_names = "DNS:client.example,IP:192.0.2.7,URI:spiffe://example/client";
    return authority_.issue(options);
  }

  [[nodiscard]] http::ServerOptions tls_options(
      http::ClientCertificates mode = http::ClientCertificates::None) const {
    auto options = test_options();
    options.tls.emplace();
    options.tls->certificate_file = server_cert_;
    options.tls->key_file = server_key_;
    options.tls->client_certificates = mode;
    if (mode != http::ClientCertificates::None) options.tls->client_ca_file = ca_file_;
    options.tls_poll_interval = milliseconds(20);
    return options;
  }

  /// A client that trusts the authority and, when asked, has its certificate.
  [[nodiscard]] http::CurlClientOptions client_options(bool with_certificate = false) const {
    http::CurlClientOptions options;
    options.tls.ca_file = ca_file_;
    options.tls_refresh_interval = milliseconds(0);
    if (with_certificate) {
      options.tls.certificate_file = client_cert_;
      options.tls.key_file = client_key_;
    }
    return options;
  }

  /// Answers with the client's common name, and whether it was verified.
  [[nodiscard]] static http::Handler who() {
    return http::answer_with([](const http::Request& request) {
      if (!request.peer_certificate) return http::Response::text(200, "nobody");
      const auto& peer = *request.peer_certificate;
      return http::Response::text(200,
                                  (peer.verified ? "verified " : "unverified ") + peer.common_name);
    });
  }

  const TemporaryDirectory files_;
  const Authority authority_{"test authority"};
  const std::string ca_file_ = files_ / "ca.crt";
  const std::string server_cert_ = files_ / "server.crt";
  const std::string server_key_ = files_ / "server.key";
  const std::string client_cert_ = files_ / "client.crt";
  const std::string client_key_ = files_ / "client.key";
};

}  // namespace tokenscaler::contract
