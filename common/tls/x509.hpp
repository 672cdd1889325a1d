// Reading X.509 certificates: for the sources of this module and of those that make or judge certificates. OpenSSL stays
// out of the headers others include.
#pragma once

#include "common/tls/tls.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace relay::tls {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const noexcept
    {
        Free(p);
    }
};
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

inline constexpr std::size_t most_file_bytes =
    4 * 1024 * 1024; // a PEM file; a bundle of all public CAs has 250 KB

std::string one_line(const X509_NAME* name);
std::string common_name(const X509_NAME* name);
utc_time to_utc(const ASN1_TIME* time);
// DNS names and addresses that the certificate is for, at most ten, joined by ", "; empty where there are none.
std::string alternative_names(const X509* certificate);

// "subject …, issuer …", fit for a log line.
std::string describe(const X509* certificate);
// Why a chain did not pass, as the end of a sentence that begins with the peer's certificate, and a tls_error as its code.
failed tls_error_of(X509_STORE_CTX* check);

// "FILE" as it is shown in messages.
std::string shown(const std::filesystem::path& file);
// What OpenSSL put on its error queue last; empties the queue.
std::string last_openssl_reason();

// At least one certificate. Errors: errc::not_found, errc::bad_certificate.
checked<std::vector<x509_ptr>> read_certificates(const std::filesystem::path& file);
// The same from a text; `name` stands for it in messages.
checked<std::vector<x509_ptr>> parse_certificates(const std::string& text, const std::string& name);
// Of the certificate alone: `chain` and `matches_key` are left empty.
certificate_facts facts_of(const X509* certificate);
// Never asks for a passphrase. Errors: errc::not_found, errc::bad_certificate.
checked<pkey_ptr> read_private_key(const std::filesystem::path& file);

// Trusts what the operating system trusts. Slow on some systems: call it only where no CA file is set.
bool add_system_store(X509_STORE* store);

} // namespace relay::tls
