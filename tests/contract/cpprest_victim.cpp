// Not part of the product: the least program that serves or calls HTTP with cpprestsdk 2.10.18, for
// cpprest_evidence_test. `cpprest_victim listen` prints its port and serves until its standard
// input ends; `cpprest_victim get URL` fetches once and exits 0 whatever comes, if it lives.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <unistd.h>

#include <cpprest/http_client.h>
#include <cpprest/http_listener.h>

namespace {

/// cpprestsdk cannot listen on port 0 and tell the port, so free ones are tried.
int listen_until_input_ends() {
  using web::http::experimental::listener::http_listener;
  for (int port = 20'000 + ::getpid() % 20'000; port < 60'000; ++port) {
    try {
      http_listener listener("http://127.0.0.1:" + std::to_string(port));
      listener.support([](const web::http::http_request& request) {
        request.reply(web::http::status_codes::OK, "alive").then([](const pplx::task<void>& done) {
          try {
            done.get();
          } catch (const std::exception&) {
          }
        });
      });
      listener.open().wait();
      std::printf("%d\n", port);
      std::fflush(stdout);
      while (std::getchar() != EOF) {
      }
      listener.close().wait();
      return 0;
    } catch (const std::exception&) {
    }
  }
  return 1;
}

int get_once(const std::string& url) {
  web::http::client::http_client client(url);
  try {
    const auto response = client.request(web::http::methods::GET).get();
    std::printf("status %d\n", static_cast<int>(response.status_code()));
    std::printf("body %zu\n", response.extract_vector().get().size());
  } catch (const std::exception& error) {
    std::printf("error %s\n", error.what());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "listen") return listen_until_input_ends();
  if (mode == "get" && argc > 2) return get_once(argv[2]);
  return 2;
}
