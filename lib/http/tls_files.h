// Reads TLS files and tells whether they can be used, before a connection depends on them.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/tls.h"

namespace tokenscaler::http {

/// The contents of the files: checked, and the certificate fits the key. Empty where no file was
/// named.
struct TlsPem {
  std::string ca;
  std::string certificate;
  std::string key;
  bool operator==(const TlsPem&) const = default;
};

/// Reads and checks the files; an empty name means none.
/// Errors: Invalid with the file in `where` (missing, too large, not PEM, key of another
/// certificate, key with a passphrase).
[[nodiscard]] Result<TlsPem> read_tls_files(const std::string& ca_file,
                                            const std::string& certificate_file,
                                            const std::string& key_file);

/// The files' contents as of the last time when they could be used. Writers that replace them one
/// by one pass through states that cannot; those are waited out. Safe to call from several threads.
class TlsFiles {
 public:
  /// Reads for the first time; errors as read_tls_files.
  [[nodiscard]] static Result<std::unique_ptr<TlsFiles>> open(std::string ca_file,
                                                              std::string certificate_file,
                                                              std::string key_file);

  /// The last usable contents; never null. Reads again when the last look is `max_age` old.
  [[nodiscard]] std::shared_ptr<const TlsPem> current(std::chrono::milliseconds max_age);
  /// The last usable contents, without a look at the files.
  [[nodiscard]] std::shared_ptr<const TlsPem> last();
  /// Reads now. True when the contents are new; the error when they cannot be used.
  [[nodiscard]] Result<bool> refresh();

 private:
  TlsFiles(std::string ca_file, std::string certificate_file, std::string key_file, TlsPem pem);
  Result<bool> refresh_locked();

  const std::string ca_file_;
  const std::string certificate_file_;
  const std::string key_file_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::shared_ptr<const TlsPem> current_;
  SteadyTime looked_at_;
};

}  // namespace tokenscaler::http
