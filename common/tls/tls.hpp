// TLS as a client: a context from files, the check of the peer's certificate and name, and what to say when it fails.
// TLS 1.2 is the floor, 1.3 is preferred, and nothing turns a certificate check off.
#pragma once

#include "common/error/error.hpp"
#include "common/time/time_source.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio::ssl {
class context;
}
struct ssl_st;
struct x509_store_ctx_st;

namespace relay::tls {

// Why something to do with TLS failed, as one sentence for an administrator. It never holds key material.
struct failed {
    error_code code;
    std::string message;
};

template <class T>
using checked = boost::system::result<T, failed>;

// What result::value() throws on a failure: reaching it is a bug in the caller.
[[noreturn]] void throw_exception_from_error(const failed& f, const boost::source_location& where);

struct credential_files {
    std::filesystem::path certificate_file; // PEM chain, leaf first; empty: no client certificate
    std::filesystem::path private_key_file; // PEM, not encrypted; empty only where certificate_file is
    std::filesystem::path ca_file; // PEM, whom to trust; empty, and so the next: the system's trust store
    std::filesystem::path told_ca_file = {}; // PEM, whom to trust as well
};

// Shared by the part that dials with it and the connections it made, which may outlive its replacement.
using context_ptr = std::shared_ptr<boost::asio::ssl::context>;

// Reads the files now; later changes to them take another call. The system's store is opened only where it is used.
// Errors: errc::not_found, errc::bad_certificate (unreadable, not matching its key, encrypted), failure::permanent.
checked<context_ptr> make_client_context(const credential_files& files);

struct certificate_facts {
    std::string subject;     // one line, RFC 2253
    std::string issuer;      // the same
    std::string common_name; // of the subject; empty where it has none
    utc_time not_before{};
    utc_time not_after{};
    std::size_t chain = 0;    // certificates in the file, the leaf among them
    bool matches_key = false; // false where no key file was given
    std::string
        broken_link{}; // which certificate of the file did not issue the one before it; empty where all did
};

// The leaf of a PEM chain, and whether `private_key_file` (empty: not looked at) is its key. A key that does not match
// is no error here, nor is a chain whose parts do not belong together. Errors: errc::not_found, errc::bad_certificate.
checked<certificate_facts> read_certificate(const std::filesystem::path& certificate_file,
                                            const std::filesystem::path& private_key_file = {});

// Checks one peer during one handshake, and remembers why it was refused. Outlives the stream it is attached to.
class peer_check {
public:
    // `host`: a name or an address literal, as in the URL, without brackets.
    explicit peer_check(std::string host) : host_(std::move(host)) {}
    peer_check(const peer_check&) = delete;
    peer_check& operator=(const peer_check&) = delete;

    // Before the handshake: SNI, the name that the certificate must carry, verification on.
    // Error: errc::certificate_name_mismatch where `host` is nothing a certificate can name.
    result<void> attach(ssl_st* ssl);

    // For asio's set_verify_callback: notes the first failure, never overrules `preverified`.
    bool seen(bool preverified, x509_store_ctx_st* store);

    // What went wrong, after `ec` ended the handshake or an early read (with TLS 1.3 a server refuses our certificate
    // only after the handshake): subject, issuer and the check that failed. No full stop, no host: the caller names it.
    // The code is a tls_error (tls_error.hpp), errc::certificate_name_mismatch, or `ec`.
    failed explain(error_code ec) const;

    // The certificate that was refused; nothing filled in where none was.
    const certificate_facts& refused() const noexcept { return leaf_; }

private:
    std::string host_;
    bool refused_ = false;
    failed why_;
    certificate_facts leaf_;
    std::string names_;
};

// "TLSv1.3" and the like, of a finished handshake.
std::string version_of(const ssl_st* ssl);
// The certificate the peer presented in a finished handshake; nothing filled in where there was none.
certificate_facts peer_certificate(const ssl_st* ssl);

} // namespace relay::tls
