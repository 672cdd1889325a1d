#include "tests/stand_ins/exchange/server_certificate.hpp"

#include <boost/asio/error.hpp>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <stdexcept>

namespace relay::exchange_sim {

namespace ssl = boost::asio::ssl;

namespace {

void limit_versions(SSL_CTX* context, tls_versions v)
{
    SSL_CTX_set_min_proto_version(context, v == tls_versions::only_1_0 ? TLS1_VERSION : TLS1_2_VERSION);
    if (v == tls_versions::modern)
        return;
    SSL_CTX_set_max_proto_version(context, v == tls_versions::only_1_0 ? TLS1_VERSION : TLS1_2_VERSION);
    if (v == tls_versions::only_1_0) // its signatures are SHA-1
        SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
}

} // namespace

ssl::context make_server_context(const std::string& certificate, const std::string& key, tls_wishes wishes)
{
    ssl::context context(ssl::context::tls_server);
    boost::system::error_code ec;
    context.set_options(ssl::context::default_workarounds);
    limit_versions(context.native_handle(), wishes.versions);
    if (wishes.of_clients != client_certificates::ignored)
        SSL_CTX_set_verify(context.native_handle(),
                           wishes.of_clients == client_certificates::required
                               ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                               : SSL_VERIFY_PEER,
                           [](int, X509_STORE_CTX*) { return 1; });
    context.use_certificate_chain_file(certificate, ec);
    if (ec)
        throw std::runtime_error("cannot read the certificate " + certificate + ": " + ec.message());
    context.use_private_key_file(key, ssl::context::pem, ec);
    if (ec)
        throw std::runtime_error("cannot use the key " + key + ": " + ec.message());
    return context;
}

std::string certificate_hash(ssl::context& context)
{
    const X509* certificate = SSL_CTX_get0_certificate(context.native_handle());
    int digest = NID_sha256;
    if (certificate && OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, nullptr) != 1)
        digest = NID_sha256;
    if (digest == NID_md5 || digest == NID_sha1 || digest == NID_undef)
        digest = NID_sha256;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (!certificate || X509_digest(certificate, EVP_get_digestbynid(digest), hash, &length) != 1)
        throw std::runtime_error("cannot hash the server's certificate");
    return {reinterpret_cast<const char*>(hash), length};
}

} // namespace relay::exchange_sim
