#include "common/tls/x509.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace relay::tls {
namespace {

namespace asio = boost::asio;

// What the alert that ended the connection says about *our* certificate; nullptr where it says nothing about it.
const char* refusal_of_ours(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        return "bad certificate";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "unsupported certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        return "certificate revoked";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "certificate expired";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return "certificate unknown";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "unknown issuer";
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return "access denied";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "certificate required";
    default:
        return nullptr;
    }
}

bool is_unknown_issuer(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || error == X509_V_ERR_CERT_UNTRUSTED;
}

failed explain_alert(error_code ec)
{
    if (ec.category() != asio::error::get_ssl_category())
        return {ec, "the TLS handshake broke off: " + ec.message()};
    const auto reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    if (const char* why = refusal_of_ours(reason))
        return {ec, std::string("it refuses our client certificate: ") + why};
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
        return {ec, "what answers there does not speak TLS"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return {ec, "it offers no TLS 1.2 or newer"};
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return {ec, "it found no common ground in the TLS handshake (also what some servers say to a missing "
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
    if (preverified || error_ != 0)
        return preverified;
    error_ = X509_STORE_CTX_get_error(store);
    if (const X509* certificate = X509_STORE_CTX_get_current_cert(store)) {
        subject_ = one_line(X509_get_subject_name(certificate));
        issuer_ = one_line(X509_get_issuer_name(certificate));
        names_ = alternative_names(certificate);
        not_before_ = to_utc(X509_get0_notBefore(certificate));
        not_after_ = to_utc(X509_get0_notAfter(certificate));
    }
    return false;
}

failed peer_check::explain(error_code ec) const
{
    if (error_ == 0)
        return explain_alert(ec);
    const auto whose = "its certificate (subject " + subject_ + ", issuer " + issuer_ + ") ";
    if (error_ == X509_V_ERR_HOSTNAME_MISMATCH || error_ == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return {errc::certificate_name_mismatch,
                whose + "is for " + (names_.empty() ? "no name at all" : names_) + ", not for " + host_};
    if (error_ == X509_V_ERR_CERT_HAS_EXPIRED)
        return {ec, whose + "expired on " + format_rfc3339(not_after_)};
    if (error_ == X509_V_ERR_CERT_NOT_YET_VALID)
        return {ec, whose + "is not valid before " + format_rfc3339(not_before_) +
                        " (is the clock of this machine right?)"};
    if (is_unknown_issuer(error_))
        return {ec, whose + std::string(unknown_issuer)};
    return {ec, whose + "is refused: " + X509_verify_cert_error_string(error_)};
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
    facts.subject = one_line(X509_get_subject_name(certificate));
    facts.issuer = one_line(X509_get_issuer_name(certificate));
    facts.common_name = common_name(X509_get_subject_name(certificate));
    facts.not_before = to_utc(X509_get0_notBefore(certificate));
    facts.not_after = to_utc(X509_get0_notAfter(certificate));
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    facts.chain = chain ? static_cast<std::size_t>(sk_X509_num(chain)) : 1;
    return facts;
}

} // namespace relay::tls
