// Throw-away authorities and certificates, as PEM files in a folder of their own.
#pragma once

#include <filesystem>
#include <string>

namespace relay::test {

struct issued {
    std::filesystem::path certificate, key;
};

struct certificate_wish {
    std::string common_name = "localhost";
    std::string names = "DNS:localhost,IP:127.0.0.1"; // empty: none
    int from_days = -1, to_days = 30;                 // from now
};

// The folder goes with the object.
class test_pki {
public:
    test_pki();
    ~test_pki();
    test_pki(const test_pki&) = delete;
    test_pki& operator=(const test_pki&) = delete;

    // Signed by the authority `by`, which is made where there is none of that name.
    issued issue(const certificate_wish& wish = {}, const std::string& by = "ca");
    std::filesystem::path authority(const std::string& name = "ca");
    // The authority `name` (its key, its name) as a certificate that the authority `by` has signed.
    std::filesystem::path cross_signed(const std::string& name, const std::string& by);
    std::filesystem::path write(const std::string& name, const std::string& text) const;

private:
    std::filesystem::path folder_;
    int made_ = 0;
};

} // namespace relay::test
