#include "agent/enrolment/key_request.hpp"

#include "common/text/text.hpp"
#include "common/tls/x509.hpp"

#include <openssl/crypto.h>
#include <openssl/pem.h>

namespace relay::enrolment {
namespace {

constexpr std::size_t longest_common_name = 64; // ub-common-name, RFC 5280

using bio_ptr = std::unique_ptr<BIO, tls::freed_by<BIO_free_all>>;
using request_ptr = std::unique_ptr<X509_REQ, tls::freed_by<X509_REQ_free>>;

failed refused_by_openssl(std::string_view what)
{
    return {fault::local, std::string(what) + " cannot be made (" + tls::last_openssl_reason() + ")"};
}

std::string text_of(BIO* bio)
{
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

request_ptr make_request(const std::string& name, EVP_PKEY* key)
{
    request_ptr request(X509_REQ_new());
    const std::string common_name(utf8_prefix(name.empty() ? "agent" : name, longest_common_name));
    const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
    if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8, text, -1,
                                   -1, 0) != 1 ||
        X509_REQ_set_pubkey(request.get(), key) != 1 || X509_REQ_sign(request.get(), key, EVP_sha256()) == 0)
        request.reset();
    return request;
}

} // namespace

private_key& private_key::operator=(private_key&& other) noexcept
{
    if (this != &other) {
        wipe();
        pem_ = std::move(other.pem_);
        other.pem_.clear();
    }
    return *this;
}

void private_key::wipe() noexcept
{
    OPENSSL_cleanse(pem_.data(), pem_.size());
    pem_.clear();
}

outcome<key_request> make_key_request(const std::string& name)
{
    const tls::pkey_ptr key(EVP_EC_gen("P-256"));
    const bio_ptr key_text(BIO_new(BIO_s_secmem())); // wiped when it is freed
    if (!key || !key_text ||
        PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return refused_by_openssl("a private key");
    const auto request = make_request(name, key.get());
    const bio_ptr request_text(BIO_new(BIO_s_mem()));
    if (!request || !request_text || PEM_write_bio_X509_REQ(request_text.get(), request.get()) != 1)
        return refused_by_openssl("a certificate request");
    return key_request{private_key(text_of(key_text.get())), text_of(request_text.get())};
}

} // namespace relay::enrolment
