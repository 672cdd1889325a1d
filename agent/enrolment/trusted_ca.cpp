#include "agent/enrolment/trusted_ca.hpp"

#include "common/text/text.hpp"
#include "common/tls/x509.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <set>

namespace relay::enrolment {
namespace {

using certificates = std::vector<tls::x509_ptr>;
using store_ptr = std::unique_ptr<X509_STORE, tls::freed_by<X509_STORE_free>>;
using check_ptr = std::unique_ptr<X509_STORE_CTX, tls::freed_by<X509_STORE_CTX_free>>;
using bio_ptr = std::unique_ptr<BIO, tls::freed_by<BIO_free_all>>;

struct stack_of {
    void operator()(STACK_OF(X509) * s) const noexcept { sk_X509_free(s); }
};
using stack_ptr = std::unique_ptr<STACK_OF(X509), stack_of>;

std::string fingerprint(X509* certificate)
{
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0)
        return {};
    auto sum = to_hex(sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}));
    OPENSSL_free(der);
    return sum;
}

certificates in_file(const std::filesystem::path& file)
{
    auto read = file.empty() ? tls::checked<certificates>(certificates()) : tls::read_certificates(file);
    return read.has_value() ? *std::move(read) : certificates();
}

store_ptr store_of(const trust_files& now)
{
    store_ptr store(X509_STORE_new());
    if (!store)
        return store;
    if (now.ca_file.empty() && now.told_ca_file.empty())
        tls::add_system_store(store.get());
    for (const auto& file : {now.ca_file, now.told_ca_file})
        for (const auto& one : in_file(file))
            X509_STORE_add_cert(store.get(), one.get());
    return store;
}

bool is_signed_by(X509_STORE* trusted, X509* certificate, STACK_OF(X509) * between)
{
    const check_ptr check(X509_STORE_CTX_new());
    const bool good = check && X509_STORE_CTX_init(check.get(), trusted, certificate, between) == 1 &&
                      X509_verify_cert(check.get()) == 1;
    ERR_clear_error();
    return good;
}

bool is_twin_of(X509* one, X509* other)
{
    const auto* key = X509_get0_pubkey(one);
    const auto* its = X509_get0_pubkey(other);
    return key && its && EVP_PKEY_eq(key, its) == 1 &&
           X509_NAME_cmp(X509_get_subject_name(one), X509_get_subject_name(other)) == 0;
}

bool is_ca(X509* certificate)
{
    const bool yes = X509_check_ca(certificate) > 0;
    ERR_clear_error();
    return yes;
}

std::string pem(const std::vector<X509*>& all)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    for (auto* one : all)
        if (!out || PEM_write_bio_X509(out.get(), one) != 1)
            return {};
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

} // namespace

ca_verdict judge_ca(const std::string& offered, const trust_files& now)
{
    const auto read = tls::parse_certificates(offered, "\"ca\"");
    const auto trusted = store_of(now);
    const stack_ptr between(sk_X509_new_null());
    if (read.has_error() || !trusted || !between)
        return {};
    const auto known = trusted_fingerprints(now);
    for (const auto& one : *read)
        sk_X509_push(between.get(), one.get());
    std::vector<X509*> good, others;
    for (const auto& one : *read) {
        const bool old = std::ranges::binary_search(known, fingerprint(one.get()));
        const bool may = old || (is_ca(one.get()) && is_signed_by(trusted.get(), one.get(), between.get()));
        (may ? good : others).push_back(one.get());
    }
    ca_verdict v;
    for (auto* one : others) {
        const bool twin =
            is_ca(one) && std::ranges::any_of(good, [one](X509* g) { return is_twin_of(one, g); });
        if (twin)
            good.push_back(one);
        else
            v.refused.push_back({tls::one_line(X509_get_subject_name(one)), fingerprint(one)});
    }
    v.accepted = good.empty() ? std::string() : pem(good);
    return v;
}

std::vector<std::string> trusted_fingerprints(const trust_files& now)
{
    if (now.ca_file.empty() && now.told_ca_file.empty())
        return {"system"};
    std::set<std::string> all;
    for (const auto& file : {now.ca_file, now.told_ca_file})
        for (const auto& one : in_file(file))
            all.insert(fingerprint(one.get()));
    return {all.begin(), all.end()};
}

} // namespace relay::enrolment
