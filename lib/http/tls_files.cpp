#include "http/tls_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenscaler::http {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

using BioPtr = std::unique_ptr<BIO, BioFree>;
using X509Ptr = std::unique_ptr<X509, X509Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;

BioPtr bio_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without it OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

X509Ptr first_certificate(const std::string& pem) {
  const BioPtr bio = bio_of(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return certificate;
}

Error unusable(const std::string& file, std::string message, std::string advice) {
  return make_error(ErrorCode::Invalid, std::move(message)).at(file).advise(std::move(advice));
}

Result<std::string> read_file(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxTlsFileBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) {
    const int reason = errno;
    return unusable(file, std::string("cannot read: ") + std::strerror(reason),
                    "check the path and the permissions");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxTlsFileBytes) {
    return unusable(file, "larger than 1 MiB", "a PEM file with certificates or a key is expected");
  }
  return text;
}

}  // namespace

Result<TlsPem> read_tls_files(const std::string& ca_file, const std::string& certificate_file,
                              const std::string& key_file) {
  if (certificate_file.empty() != key_file.empty()) {
    return make_error(ErrorCode::Invalid, "a certificate needs its key, and a key its certificate")
        .at(certificate_file.empty() ? key_file : certificate_file)
        .advise("name both files or none");
  }
  TlsPem pem;
  ASSIGN_OR_RETURN(pem.ca, read_file(ca_file));
  ASSIGN_OR_RETURN(pem.certificate, read_file(certificate_file));
  ASSIGN_OR_RETURN(pem.key, read_file(key_file));

  if (!ca_file.empty() && !first_certificate(pem.ca)) {
    return unusable(ca_file, "holds no PEM certificate",
                    "it must begin with -----BEGIN CERTIFICATE-----");
  }
  if (certificate_file.empty()) return pem;
  const X509Ptr certificate = first_certificate(pem.certificate);
  if (!certificate) {
    return unusable(certificate_file, "holds no PEM certificate",
                    "it must begin with -----BEGIN CERTIFICATE-----");
  }
  const BioPtr bio = bio_of(pem.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    return unusable(key_file, "holds no usable PEM private key",
                    "an unencrypted PKCS#8, PKCS#1 or SEC1 key is expected");
  }
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits) {
    return unusable(key_file, "is not the key of " + certificate_file,
                    "give the key that the certificate was made for");
  }
  return pem;
}

TlsFiles::TlsFiles(std::string ca_file, std::string certificate_file, std::string key_file,
                   TlsPem pem)
    : ca_file_(std::move(ca_file)),
      certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      current_(std::make_shared<const TlsPem>(std::move(pem))),
      looked_at_(clock_.steady()) {}

Result<std::unique_ptr<TlsFiles>> TlsFiles::open(std::string ca_file, std::string certificate_file,
                                                 std::string key_file) {
  ASSIGN_OR_RETURN(TlsPem pem, read_tls_files(ca_file, certificate_file, key_file));
  return std::unique_ptr<TlsFiles>(new TlsFiles(std::move(ca_file), std::move(certificate_file),
                                                std::move(key_file), std::move(pem)));
}

Result<bool> TlsFiles::refresh_locked() {
  looked_at_ = clock_.steady();
  ASSIGN_OR_RETURN(TlsPem pem, read_tls_files(ca_file_, certificate_file_, key_file_));
  if (pem == *current_) return false;
  current_ = std::make_shared<const TlsPem>(std::move(pem));
  return true;
}

Result<bool> TlsFiles::refresh() {
  const std::lock_guard lock(mutex_);
  return refresh_locked();
}

std::shared_ptr<const TlsPem> TlsFiles::last() {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const TlsPem> TlsFiles::current(std::chrono::milliseconds max_age) {
  const std::lock_guard lock(mutex_);
  const bool any = !ca_file_.empty() || !certificate_file_.empty();
  // An unusable state keeps the last usable one; open() has reported what never worked.
  if (any && clock_.steady() - looked_at_ >= max_age) static_cast<void>(refresh_locked());
  return current_;
}

}  // namespace tokenscaler::http
