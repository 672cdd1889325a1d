#include "common/tls/x509.hpp"

#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace relay::tls {
namespace {

namespace ssl = boost::asio::ssl;

checked<void> use_client_certificate(SSL_CTX* context, const credential_files& files)
{
    auto chain = read_certificates(files.certificate_file);
    if (chain.has_error())
        return chain.error();
    auto key = read_private_key(files.private_key_file);
    if (key.has_error())
        return key.error();
    if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
        ERR_clear_error();
        return failed{errc::bad_certificate, shown(files.private_key_file) +
                                                 " is not the key of the certificate in " +
                                                 shown(files.certificate_file)};
    }
    bool used = SSL_CTX_use_certificate(context, chain->front().get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key->get()) == 1;
    for (std::size_t i = 1; used && i < chain->size(); ++i)
        used = SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) == 1;
    if (!used)
        // For example a key too weak for the security level of this machine.
        return failed{errc::bad_certificate,
                      shown(files.certificate_file) + " cannot be used (" + last_openssl_reason() + ")"};
    return {};
}

checked<void> trust_file(X509_STORE* store, const std::filesystem::path& ca_file)
{
    const auto trusted = read_certificates(ca_file);
    if (trusted.has_error())
        return trusted.error();
    for (const auto& one : *trusted)
        if (X509_STORE_add_cert(store, one.get()) != 1)
            return failed{errc::bad_certificate,
                          shown(ca_file) + " cannot be used (" + last_openssl_reason() + ")"};
    return {};
}

checked<void> trust(SSL_CTX* context, const credential_files& files)
{
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    if (files.ca_file.empty() && files.told_ca_file.empty() && !add_system_store(store))
        return failed{errc::bad_certificate, "the system's trust store cannot be opened"};
    for (const auto& file : {files.ca_file, files.told_ca_file})
        if (!file.empty())
            if (auto done = trust_file(store, file); done.has_error())
                return done;
    return {};
}

} // namespace

checked<context_ptr> make_client_context(const credential_files& files)
{
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS); // 34 KB less for each idle connection
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    if (const auto done = trust(native, files); done.has_error())
        return done.error();
    if (!files.certificate_file.empty())
        if (const auto done = use_client_certificate(native, files); done.has_error())
            return done.error();
    return context;
}

} // namespace relay::tls
