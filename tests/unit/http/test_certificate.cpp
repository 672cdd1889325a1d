#include "tests/unit/http/test_certificate.hpp"

#include "common/text/text.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <unistd.h>

namespace relay::test {
namespace {

identity make(const certificate_wish& wish, const identity* issuer)
{
    static std::atomic<long> serial{1};
    identity made{certificate_ptr(X509_new()), key_ptr(EVP_EC_gen("P-256"))};
    X509* c = made.certificate.get();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c), wish.valid_from_days * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(c), wish.valid_to_days * 86400L);
    X509_set_pubkey(c, made.key.get());
    auto* name = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer->certificate.get()) : name);
    const auto extend = [&](int what, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer ? issuer->certificate.get() : c, c, nullptr, nullptr, 0);
        auto* e = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
        if (!e)
            throw std::runtime_error("extension " + value);
        X509_add_ext(c, e, -1);
        X509_EXTENSION_free(e);
    };
    extend(NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (issuer && !wish.alternative_names.empty())
        extend(NID_subject_alt_name, wish.alternative_names);
    if (X509_sign(c, (issuer ? issuer->key : made.key).get(), EVP_get_digestbyname(wish.digest.c_str())) == 0)
        throw std::runtime_error("signing with " + wish.digest);
    return made;
}

} // namespace

std::string identity::der() const
{
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    std::string result(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return result;
}

std::string identity::sha256_hex() const
{
    return to_hex(sha256(der()));
}

test_authority::test_authority(std::string name)
    : self_(make({.common_name = std::move(name), .alternative_names = {}, .digest = "SHA256"}, nullptr))
{
    static std::atomic<int> number{0};
    file_ = std::filesystem::temp_directory_path() /
            ("relay-http-test-" + std::to_string(::getpid()) + "-" + std::to_string(number++) + ".pem");
    std::FILE* out = std::fopen(file_.c_str(), "w");
    PEM_write_X509(out, self_.certificate.get());
    std::fclose(out);
}

test_authority::~test_authority()
{
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

identity test_authority::issue(const certificate_wish& wish) const
{
    return make(wish, &self_);
}

} // namespace relay::test
