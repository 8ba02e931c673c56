// What TLS needs on each side, as files: they are read again when they change.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tokenscaler::http {

/// No certificate, key or CA bundle is larger; a mistaken path to a huge file must not fill memory.
/// Debian's whole CA bundle has 220 kB.
inline constexpr std::size_t kMaxTlsFileBytes = 1024U * 1024U;

/// How a client proves who it is and whom it trusts.
struct TlsClientMaterial {
  /// PEM roots. When given, only these are trusted and the system's are not. When empty, the file
  /// named by the environment's SSL_CERT_FILE, else the system's roots.
  std::string ca_file;
  /// PEM chain, leaf first, and its key; both or none. A pooled connection that was opened with an
  /// older certificate is not used again after the files have changed.
  std::string certificate_file;
  std::string key_file;
  /// The name that the server's certificate has to carry (and that is sent as SNI), if it is not
  /// the URL's host.
  std::string server_name;
  /// Trust any server. Only for a person who asked for it in so many words.
  bool insecure_skip_verify = false;
};

/// Whether a server asks its clients for a certificate.
enum class ClientCertificates {
  None,      ///< It does not ask.
  Optional,  ///< It asks; a client without one, or with one that does not verify, is still served,
             ///< and the handler decides (Request::peer_certificate).
  Required,  ///< Without one that verifies against client_ca_file the handshake fails.
};

/// How a server proves who it is.
struct TlsServerMaterial {
  std::string certificate_file;  ///< PEM chain, leaf first.
  std::string key_file;
  std::string client_ca_file;  ///< PEM roots for client certificates; needed unless None.
  ClientCertificates client_certificates = ClientCertificates::None;
};

/// What a client's certificate says. It proves something only when `verified`.
struct PeerCertificate {
  bool verified = false;     ///< The chain leads to client_ca_file, dates and purpose are right.
  std::string verify_error;  ///< OpenSSL's words when it is not verified.
  std::string common_name;   ///< The subject's (last) CN; empty when there is none.
  std::vector<std::string> organizations;  ///< The subject's O entries (Kubernetes: groups).
  std::vector<std::string> dns_names;      ///< Subject alternative names by type.
  std::vector<std::string> ip_addresses;
  std::vector<std::string> uris;
};

}  // namespace tokenscaler::http
