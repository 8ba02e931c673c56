#include "contract/certificates.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace tokenscaler::contract {
namespace {

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;
using BioPtr = std::unique_ptr<BIO, BioFree>;

std::string text_of(const BioPtr& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

void add_name(X509* certificate, const char* field, const std::string& value) {
  if (value.empty()) return;
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509Ptr blank(EVP_PKEY* key, long not_after_seconds) {
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  std::random_device random;  // Serial numbers only have to differ.
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), static_cast<long>(random() >> 1U));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), not_after_seconds);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

constexpr long kOneDay = 86'400;
constexpr long kAnHourAgo = -3'600;

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "contract-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::operator/(const std::string& name) const {
  return path_ + "/" + name;
}

struct Authority::Keys {
  KeyPtr key;
  X509Ptr certificate;
};

Authority::Authority(const std::string& common_name) : keys_(std::make_unique<Keys>()) {
  keys_->key.reset(EVP_EC_gen("P-256"));
  keys_->certificate = blank(keys_->key.get(), kOneDay);
  X509* certificate = keys_->certificate.get();
  add_name(certificate, "CN", common_name);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  X509_sign(certificate, keys_->key.get(), EVP_sha256());
  pem_ = pem_of(certificate);
}

Authority::~Authority() = default;

KeyPair Authority::issue(const LeafOptions& options) const {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr leaf = blank(key.get(), options.expired ? kAnHourAgo : kOneDay);
  X509* issuer = keys_->certificate.get();
  add_name(leaf.get(), "O", options.organization);
  add_name(leaf.get(), "CN", options.common_name);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer));
  add_extension(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf.get(), issuer, NID_ext_key_usage,
                options.client ? "clientAuth" : "serverAuth");
  if (!options.alternative_names.empty()) {
    add_extension(leaf.get(), issuer, NID_subject_alt_name, options.alternative_names);
  }
  X509_sign(leaf.get(), keys_->key.get(), EVP_sha256());
  return {pem_of(leaf.get()), pem_of(key.get())};
}

void replace_file(const std::string& path, const std::string& text) {
  const std::string next = path + ".next";
  std::ofstream(next, std::ios::binary) << text;
  std::filesystem::rename(next, path);
}

void replace_pair(const std::string& certificate_path, const std::string& key_path,
                  const KeyPair& pair) {
  replace_file(certificate_path, pair.certificate);
  replace_file(key_path, pair.key);
}

}  // namespace tokenscaler::contract
