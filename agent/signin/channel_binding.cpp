#include "agent/signin/channel_binding.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace relay::signin {
namespace {

const EVP_MD* digest_of(X509* certificate)
{
    int hash = NID_undef;
    if (X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) != 1 || hash == NID_undef ||
        hash == NID_md5 || hash == NID_sha1 || hash == NID_md5_sha1)
        return EVP_sha256();
    const EVP_MD* const own = EVP_get_digestbynid(hash);
    return own ? own : EVP_sha256();
}

} // namespace

result<std::string> tls_server_end_point(std::string_view leaf_der)
{
    auto bytes = reinterpret_cast<const unsigned char*>(leaf_der.data());
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(
        d2i_X509(nullptr, &bytes, static_cast<long>(leaf_der.size())), &X509_free);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!leaf || X509_digest(leaf.get(), digest_of(leaf.get()), digest, &size) != 1)
        return errc::bad_certificate;
    return "tls-server-end-point:" + std::string(reinterpret_cast<const char*>(digest), size);
}

} // namespace relay::signin
