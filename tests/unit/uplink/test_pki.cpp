#include "tests/unit/uplink/test_pki.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace relay::test {
namespace {

struct release {
    void operator()(X509* p) const { X509_free(p); }
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
    void operator()(std::FILE* p) const { std::fclose(p); }
};
template <class T>
using owned = std::unique_ptr<T, release>;

void must(bool ok)
{
    if (!ok)
        throw std::runtime_error("OpenSSL refused to make a test certificate");
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    must(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

owned<X509> blank(const certificate_wish& wish, EVP_PKEY* key)
{
    owned<X509> c(X509_new());
    std::uint64_t serial = 0;
    must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    must(X509_set_version(c.get(), 2) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(c.get()), serial >> 1) == 1);
    X509_gmtime_adj(X509_getm_notBefore(c.get()), 86400L * wish.from_days);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), 86400L * wish.to_days);
    must(X509_set_pubkey(c.get(), key) == 1);
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1,
                                    0) == 1);
    return c;
}

void save(const std::filesystem::path& stem, X509* certificate, EVP_PKEY* key)
{
    const owned<std::FILE> c(std::fopen((stem.string() + ".crt").c_str(), "w"));
    const owned<std::FILE> k(std::fopen((stem.string() + ".key").c_str(), "w"));
    must(c && PEM_write_X509(c.get(), certificate) == 1);
    must(k && PEM_write_PrivateKey(k.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

} // namespace

test_pki::test_pki()
{
    auto name = (std::filesystem::temp_directory_path() / "relay-pki-XXXXXX").string();
    must(mkdtemp(name.data()) != nullptr);
    folder_ = name;
}

test_pki::~test_pki()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::filesystem::path test_pki::authority(const std::string& name)
{
    const auto stem = folder_ / ("authority-" + name);
    const auto file = stem.string() + ".crt";
    if (std::filesystem::exists(file))
        return file;
    const owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const auto c = blank({"Test authority " + name, {}, -10, 300}, key.get());
    must(X509_set_issuer_name(c.get(), X509_get_subject_name(c.get())) == 1);
    extend(c.get(), c.get(), NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(c.get(), key.get(), EVP_sha256()) != 0);
    save(stem, c.get(), key.get());
    return file;
}

issued test_pki::issue(const certificate_wish& wish, const std::string& by)
{
    const auto ca_stem = std::filesystem::path(authority(by)).replace_extension();
    const owned<std::FILE> ca_file(std::fopen((ca_stem.string() + ".crt").c_str(), "r"));
    const owned<std::FILE> key_file(std::fopen((ca_stem.string() + ".key").c_str(), "r"));
    const owned<X509> ca(PEM_read_X509(ca_file.get(), nullptr, nullptr, nullptr));
    const owned<EVP_PKEY> ca_key(PEM_read_PrivateKey(key_file.get(), nullptr, nullptr, nullptr));
    const owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const auto c = blank(wish, key.get());
    must(X509_set_issuer_name(c.get(), X509_get_subject_name(ca.get())) == 1);
    extend(c.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    if (!wish.names.empty())
        extend(c.get(), ca.get(), NID_subject_alt_name, wish.names);
    must(X509_sign(c.get(), ca_key.get(), EVP_sha256()) != 0);
    const auto stem = folder_ / ("issued-" + std::to_string(++made_));
    save(stem, c.get(), key.get());
    return {stem.string() + ".crt", stem.string() + ".key"};
}

std::filesystem::path test_pki::cross_signed(const std::string& name, const std::string& by)
{
    const auto part_of = [this](const std::string& who, const char* ending) {
        return owned<std::FILE>(
            std::fopen(std::filesystem::path(authority(who)).replace_extension(ending).c_str(), "r"));
    };
    const owned<X509> ca(PEM_read_X509(part_of(by, ".crt").get(), nullptr, nullptr, nullptr));
    const owned<EVP_PKEY> ca_key(PEM_read_PrivateKey(part_of(by, ".key").get(), nullptr, nullptr, nullptr));
    const owned<EVP_PKEY> key(PEM_read_PrivateKey(part_of(name, ".key").get(), nullptr, nullptr, nullptr));
    const auto c = blank({"Test authority " + name, {}, -1, 200}, key.get());
    must(X509_set_issuer_name(c.get(), X509_get_subject_name(ca.get())) == 1);
    extend(c.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(c.get(), ca_key.get(), EVP_sha256()) != 0);
    const auto stem = folder_ / ("cross-" + name + "-" + by);
    save(stem, c.get(), key.get());
    return stem.string() + ".crt";
}

std::filesystem::path test_pki::write(const std::string& name, const std::string& text) const
{
    auto file = folder_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
}

} // namespace relay::test
