// Certificates made for one test by the openssl program.
#pragma once

#include <glib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace parley::test {

// A folder with an authority (ca.pem) and a certificate of localhost and 127.0.0.1 that it has
// signed (cert.pem, key.pem).
class Certificates {
 public:
  Certificates() {
    char* made = g_dir_make_tmp("parley-tls-XXXXXX", nullptr);
    folder_ = made;
    g_free(made);
    std::ofstream(path("names")) << "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
    const std::string key = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";
    ok_ = run(key + "-x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem") &&
          run(key + "-subj /CN=localhost -keyout key.pem -out request.pem") &&
          run("openssl x509 -req -days 1 -in request.pem -CA ca.pem -CAkey ca.key "
              "-set_serial 2 -extfile names -out cert.pem");
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  [[nodiscard]] bool run(const std::string& command) const {
    return std::system(("cd '" + folder_ + "' && " + command + " >>log 2>&1").c_str()) == 0;
  }

  std::string folder_;
  bool ok_ = false;
};

}  // namespace parley::test
