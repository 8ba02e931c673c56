#include "http/tls_server.h"

#include <array>
#include <csignal>
#include <pthread.h>
#include <string_view>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace tokenscaler::http {
namespace {

namespace ssl = boost::asio::ssl;

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct NamesFree {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

Error openssl_error(std::string what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return make_error(ErrorCode::Invalid, std::move(what) + ": " + text.data());
}

/// Text of a certificate. One with a NUL inside is dropped: readers that stop there would take
/// `good.example\0.evil.example` for another name.
std::string text_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return {};
  std::string copy(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return copy.find('\0') == std::string::npos ? copy : std::string();
}

std::vector<std::string> subject_entries(const X509* certificate, int nid) {
  std::vector<std::string> entries;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = X509_NAME_get_index_by_NID(subject, nid, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(subject, nid, at)) {
    std::string text = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (!text.empty()) entries.push_back(std::move(text));
  }
  return entries;
}

std::string ip_text(const ASN1_OCTET_STRING* octets) {
  const unsigned char* bytes = ASN1_STRING_get0_data(octets);
  const int size = ASN1_STRING_length(octets);
  if (size == 4) {
    boost::asio::ip::address_v4::bytes_type v4;
    std::copy_n(bytes, v4.size(), v4.begin());
    return boost::asio::ip::make_address_v4(v4).to_string();
  }
  if (size == 16) {
    boost::asio::ip::address_v6::bytes_type v6;
    std::copy_n(bytes, v6.size(), v6.begin());
    return boost::asio::ip::make_address_v6(v6).to_string();
  }
  return {};
}

void add_alternative_names(const X509* certificate, PeerCertificate& peer) {
  const std::unique_ptr<GENERAL_NAMES, NamesFree> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    std::string text;
    if (type == GEN_IPADD) {
      text = ip_text(static_cast<const ASN1_OCTET_STRING*>(value));
      if (!text.empty()) peer.ip_addresses.push_back(std::move(text));
    } else if (type == GEN_DNS || type == GEN_URI) {
      text = text_of(static_cast<const ASN1_STRING*>(value));
      auto& list = type == GEN_DNS ? peer.dns_names : peer.uris;
      if (!text.empty()) list.push_back(std::move(text));
    }
  }
}

/// With Optional, the handler decides; OpenSSL keeps the error for SSL_get_verify_result.
int accept_any_certificate(int /*verified*/, X509_STORE_CTX* /*store*/) {
  return 1;
}

/// Only HTTP/1.1 is spoken here; a client that offers just others is served without ALPN.
int select_http11(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                  const unsigned char* offered, unsigned offered_size, void* /*data*/) {
  static constexpr std::string_view kHttp11 = "\x08http/1.1";
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(kHttp11.data()),
      static_cast<unsigned>(kHttp11.size()), offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void tell_accepted_issuers(SSL_CTX* context) {
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    if (X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i)); ca != nullptr) {
      SSL_CTX_add_client_CA(context, ca);
    }
  }
}

Result<std::shared_ptr<ssl::context>> make_context(const TlsPem& pem, ClientCertificates mode) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // No resumption: a resumed session would skip the check of a client certificate against the
  // roots of today. Keep-alive saves the handshakes instead.
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(native, select_http11, nullptr);
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(pem.certificate), error);
  if (error) return openssl_error("the certificate chain cannot be used");
  context->use_private_key(boost::asio::buffer(pem.key), ssl::context::pem, error);
  if (error) return openssl_error("the private key cannot be used");
  if (mode == ClientCertificates::None) return context;

  context->add_certificate_authority(boost::asio::buffer(pem.ca), error);
  if (error) return openssl_error("the client CA file cannot be used");
  tell_accepted_issuers(native);
  const bool required = mode == ClientCertificates::Required;
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     required ? nullptr : accept_any_certificate);
  return context;
}

}  // namespace

std::optional<PeerCertificate> peer_certificate_of(ssl_st* ssl) {
  const std::unique_ptr<X509, X509Free> certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate) return std::nullopt;
  PeerCertificate peer;
  const long outcome = SSL_get_verify_result(ssl);
  peer.verified = outcome == X509_V_OK;
  if (!peer.verified) peer.verify_error = X509_verify_cert_error_string(outcome);
  const auto common_names = subject_entries(certificate.get(), NID_commonName);
  if (!common_names.empty()) peer.common_name = common_names.back();
  peer.organizations = subject_entries(certificate.get(), NID_organizationName);
  add_alternative_names(certificate.get(), peer);
  ERR_clear_error();
  return peer;
}

Result<std::unique_ptr<TlsServer>> TlsServer::open(const TlsServerMaterial& material,
                                                   std::chrono::milliseconds poll_interval,
                                                   std::function<void(const Error&)> report) {
  const bool asks = material.client_certificates != ClientCertificates::None;
  if (material.certificate_file.empty()) {
    return make_error(ErrorCode::Invalid, "TLS needs a certificate file and a key file");
  }
  if (asks && material.client_ca_file.empty()) {
    return make_error(ErrorCode::Invalid, "client certificates need a client CA file")
        .advise("name the PEM file with the CA that issues them");
  }
  ASSIGN_OR_RETURN(auto files, TlsFiles::open(asks ? material.client_ca_file : "",
                                              material.certificate_file, material.key_file));
  ASSIGN_OR_RETURN(auto context, make_context(*files->last(), material.client_certificates));
  return std::unique_ptr<TlsServer>(new TlsServer(std::move(files), material.client_certificates,
                                                  std::move(context), poll_interval,
                                                  std::move(report)));
}

TlsServer::TlsServer(std::unique_ptr<TlsFiles> files, ClientCertificates mode, ContextPtr context,
                     std::chrono::milliseconds poll_interval,
                     std::function<void(const Error&)> report)
    : files_(std::move(files)),
      mode_(mode),
      report_(std::move(report)),
      context_(std::move(context)),
      client_ca_(files_->last()->ca),
      thread_([this, poll_interval](const std::stop_token& stop) { poll(stop, poll_interval); }) {}

std::shared_ptr<ssl::context> TlsServer::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

Status TlsServer::reload() {
  ASSIGN_OR_RETURN(const bool changed, files_->refresh());
  if (!changed) return {};
  const auto pem = files_->last();
  ASSIGN_OR_RETURN(auto context, make_context(*pem, mode_));
  {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }
  if (client_ca_ != pem->ca) {
    client_ca_ = pem->ca;
    ++client_ca_generation_;
  }
  return {};
}

void TlsServer::poll(const std::stop_token& stop, std::chrono::milliseconds interval) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::string last_told;
  while (clock_.wait_until(stop, clock_.steady() + interval)) {
    const Status status = reload();
    const std::string told = status ? "" : status.error().to_string();
    if (report_ && !told.empty() && told != last_told) {
      report_(Error(status.error()).within("TLS files, the last usable ones stay in use"));
    }
    last_told = told;
  }
}

}  // namespace tokenscaler::http
