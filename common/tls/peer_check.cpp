#include "common/tls/tls_error.hpp"
#include "common/tls/x509.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace relay::tls {
namespace {

namespace asio = boost::asio;

// What the alert that ended the connection says about *our* certificate; no words where it says nothing about it.
struct alert {
    tls_error code;
    std::string_view words;
};

alert refusal_of_ours(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return {tls_error::ours_refused, "bad certificate"};
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return {tls_error::ours_refused, "unsupported certificate"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        return {tls_error::ours_revoked, "certificate revoked"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return {tls_error::ours_expired, "certificate expired"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return {tls_error::ours_refused, "certificate unknown"};
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return {tls_error::ours_unknown_issuer, "unknown issuer"};
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return {tls_error::ours_refused, "access denied"};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return {tls_error::ours_missing, "certificate required"};
    default:
        return {};
    }
}

failed explain_alert(error_code ec)
{
    if (ec.category() != asio::error::get_ssl_category())
        return {ec, "the TLS handshake broke off: " + ec.message()};
    const auto reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    if (const auto said = refusal_of_ours(reason); !said.words.empty())
        return {said.code, "it refuses our client certificate: " + std::string(said.words)};
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
        return {tls_error::not_tls, "what answers there does not speak TLS"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return {tls_error::no_common_ground, "it offers no TLS 1.2 or newer"};
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return {tls_error::no_common_ground,
                "it found no common ground in the TLS handshake (also what some servers say to a missing "
                "or wrong "
                "client certificate)"};
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
        return {ec, "it does not know the host name we asked for"};
    default:
        return {ec, "TLS failed: " + ec.message()};
    }
}

} // namespace

result<void> peer_check::attach(ssl_st* ssl)
{
    boost::system::error_code not_literal;
    asio::ip::make_address(host_, not_literal);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
    bool set = false;
    if (not_literal.failed()) {
        // "*.example" in the middle of a label was never a good idea; a trailing dot is for DNS, not for certificates.
        const auto name = host_.ends_with('.') ? host_.substr(0, host_.size() - 1) : host_;
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set = !name.empty() && X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size()) == 1 &&
              SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
    } else {
        set = X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str()) == 1; // RFC 6066: no literal in SNI
    }
    if (!set) {
        ERR_clear_error();
        return errc::certificate_name_mismatch;
    }
    return {};
}

bool peer_check::seen(bool preverified, x509_store_ctx_st* store)
{
    if (preverified || refused_)
        return preverified;
    refused_ = true;
    const int error = X509_STORE_CTX_get_error(store);
    why_ = tls_error_of(store);
    if (const X509* leaf = X509_STORE_CTX_get0_cert(store)) {
        leaf_ = facts_of(leaf);
        names_ = alternative_names(leaf);
    }
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        why_ = {errc::certificate_name_mismatch,
                "is for " + (names_.empty() ? "no name at all" : names_) + ", not for " + host_};
    return false;
}

failed peer_check::explain(error_code ec) const
{
    if (!refused_)
        return explain_alert(ec);
    return {why_.code,
            "its certificate (subject " + leaf_.subject + ", issuer " + leaf_.issuer + ") " + why_.message};
}

std::string version_of(const ssl_st* ssl)
{
    return SSL_get_version(ssl);
}

certificate_facts peer_certificate(const ssl_st* ssl)
{
    certificate_facts facts;
    const X509* certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate)
        return facts;
    facts = facts_of(certificate);
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    facts.chain = chain ? static_cast<std::size_t>(sk_X509_num(chain)) : 1;
    return facts;
}

} // namespace relay::tls
