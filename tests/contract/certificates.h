// Certificates made on the spot: nothing expires in the repository, and no key lies in it.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace tokenscaler::contract {

/// A directory under the system's temporary one, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  /// The path of `name` inside.
  [[nodiscard]] std::string operator/(const std::string& name) const;

 private:
  std::string path_;
};

/// PEM texts.
struct KeyPair {
  std::string certificate;
  std::string key;
};

struct LeafOptions {
  std::string common_name = "leaf";
  std::string organization;
  /// OpenSSL's form: `DNS:localhost,IP:127.0.0.1`.
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  bool client = false;   ///< Extended key usage clientAuth instead of serverAuth.
  bool expired = false;  ///< Ended an hour ago.
};

/// A certificate for a client.
inline LeafOptions client_leaf(std::string common_name, bool expired = false) {
  LeafOptions options;
  options.common_name = std::move(common_name);
  options.client = true;
  options.expired = expired;
  return options;
}

/// A certificate authority with a P-256 key.
class Authority {
 public:
  explicit Authority(const std::string& common_name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] const std::string& certificate() const { return pem_; }
  [[nodiscard]] KeyPair issue(const LeafOptions& options) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string pem_;
};

/// Writes the file in one step, as Kubernetes and cert-manager do.
void replace_file(const std::string& path, const std::string& text);
/// Writes both files; between the two steps they do not fit each other.
void replace_pair(const std::string& certificate_path, const std::string& key_path,
                  const KeyPair& pair);

}  // namespace tokenscaler::contract
