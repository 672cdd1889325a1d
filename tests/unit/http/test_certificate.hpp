// A throw-away authority and certificates it signs, made in memory.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>

namespace relay::test {

struct free_x509 {
    void operator()(X509* c) const { X509_free(c); }
    void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};
using certificate_ptr = std::unique_ptr<X509, free_x509>;
using key_ptr = std::unique_ptr<EVP_PKEY, free_x509>;

struct certificate_wish {
    std::string common_name = "localhost";
    std::string alternative_names = "DNS:localhost"; // empty: none
    int valid_from_days = -1, valid_to_days = 30;    // from today
    std::string digest = "SHA256";
};

struct identity {
    certificate_ptr certificate;
    key_ptr key;
    std::string der() const;
    std::string sha256_hex() const;
};

// One authority a test program; its certificate lies in a file for as long as the object lives.
class test_authority {
public:
    explicit test_authority(std::string name = "Test CA");
    ~test_authority();
    identity issue(const certificate_wish& wish = {}) const;
    const std::filesystem::path& ca_file() const { return file_; }

private:
    identity self_;
    std::filesystem::path file_;
};

} // namespace relay::test
