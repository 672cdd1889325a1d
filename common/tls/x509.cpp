#include "common/tls/x509.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "common/tls/tls_error.hpp"

#include <boost/throw_exception.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace relay::tls {
namespace {

constexpr std::size_t longest_name = 200; // of a subject or an issuer, in a message

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using openssl_text = std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })>;

checked<std::string> read_file(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    if (!in)
        return failed{errc::not_found, shown(file) + " cannot be opened"};
    std::error_code unknown; // and what is no file has no size
    const auto size = std::filesystem::file_size(file, unknown);
    const auto room =
        unknown || size == 0 ? most_file_bytes : std::min<std::uintmax_t>(size, most_file_bytes);
    std::string text(room + 1, '\0'); // one block: no copies of a key left behind
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad())
        return failed{errc::not_found, shown(file) + " cannot be read"};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > most_file_bytes)
        return failed{errc::bad_certificate, shown(file) + " is too large to be a PEM file"};
    return text;
}

bio_ptr view(const std::string& text)
{
    return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL's default asks on the terminal, where a service would hang.
int no_passphrase(char*, int, int, void* asked)
{
    *static_cast<bool*>(asked) = true;
    return -1;
}

// Which certificate does not fit the one before it; empty where each was issued by the next.
std::string broken_link(const std::vector<x509_ptr>& chain)
{
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (X509_check_issued(chain[i].get(), chain[i - 1].get()) != X509_V_OK)
            return "certificate " + std::to_string(i + 1) + " (" + describe(chain[i].get()) +
                   ") did not issue the one before it";
    return {};
}

// Whoever reads that a certificate is out of its time should see what time this machine takes it to be.
std::string clock_note()
{
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return "; this machine's clock says " + format_rfc3339(now);
}

} // namespace

void throw_exception_from_error(const failed& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked TLS failure: " + f.message), where);
}

std::string one_line(const X509_NAME* name)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    // RFC 2253 escapes control characters and quotes, so the text is safe in a log line.
    if (!name || !out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return {};
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    const std::string name_text(text, static_cast<std::size_t>(size));
    return is_utf8(name_text) ? std::string(utf8_prefix(name_text, longest_name)) : std::string("?");
}

std::string common_name(const X509_NAME* name)
{
    const int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
    if (at < 0)
        return {};
    unsigned char* raw = nullptr;
    const int size = ASN1_STRING_to_UTF8(&raw, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    const openssl_text text(raw);
    return size < 0 ? std::string()
                    : std::string(reinterpret_cast<const char*>(text.get()), static_cast<std::size_t>(size));
}

utc_time to_utc(const ASN1_TIME* time)
{
    std::tm parts{};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return {};
    using namespace std::chrono;
    const year_month_day day{year{parts.tm_year + 1900}, month{static_cast<unsigned>(parts.tm_mon + 1)},
                             std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    return sys_days{day} + hours{parts.tm_hour} + minutes{parts.tm_min} + seconds{parts.tm_sec};
}

std::string alternative_names(const X509* certificate)
{
    const std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string joined;
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count && i < 10; ++i) {
        const bio_ptr out(BIO_new(BIO_s_mem()));
        // Prints "DNS:name"; what a certificate holds is outside data, so anything but plain text is left out.
        if (!out || GENERAL_NAME_print(out.get(), sk_GENERAL_NAME_value(names.get(), i)) < 0)
            continue;
        char* text = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &text);
        std::string name(text, static_cast<std::size_t>(size));
        if (name.size() > 100 ||
            name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   ".-_:* /@") != name.npos)
            continue;
        if (const auto colon = name.find(':'); colon != name.npos)
            name.erase(0, colon + 1);
        joined += (joined.empty() ? "" : ", ") + name;
    }
    return joined;
}

std::string describe(const X509* certificate)
{
    return "subject " + one_line(X509_get_subject_name(certificate)) + ", issuer " +
           one_line(X509_get_issuer_name(certificate));
}

failed tls_error_of(X509_STORE_CTX* check)
{
    const int error = X509_STORE_CTX_get_error(check);
    const X509* culprit = X509_STORE_CTX_get_current_cert(check);
    const bool leaf = X509_STORE_CTX_get_error_depth(check) == 0 || !culprit;
    const auto stands_on = leaf ? std::string() : "stands on one (" + describe(culprit) + ") that ";
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return {tls_error::expired,
                stands_on + "expired" +
                    (culprit ? " on " + format_rfc3339(to_utc(X509_get0_notAfter(culprit))) : std::string()) +
                    clock_note()};
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return {tls_error::not_yet_valid,
                stands_on + "is not valid before " +
                    (culprit ? format_rfc3339(to_utc(X509_get0_notBefore(culprit))) : "a later time") +
                    clock_note()};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
        return {tls_error::unknown_issuer, "comes from an issuer that is not trusted here"};
    default:
        return {tls_error::unfit, std::string("is refused: ") + X509_verify_cert_error_string(error)};
    }
}

std::string shown(const std::filesystem::path& file)
{
    const auto text = file.u8string();
    return std::string(text.begin(), text.end());
}

std::string last_openssl_reason()
{
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason ? reason : "unknown reason";
}

checked<std::vector<x509_ptr>> read_certificates(const std::filesystem::path& file)
{
    const auto text = read_file(file);
    if (text.has_error())
        return text.error();
    return parse_certificates(*text, shown(file));
}

checked<std::vector<x509_ptr>> parse_certificates(const std::string& text, const std::string& name)
{
    const auto bio = view(text);
    std::vector<x509_ptr> certificates;
    bool asked = false;
    while (x509_ptr one{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, &asked)})
        certificates.push_back(std::move(one));
    // The loop always ends on an error; "no start line" is the end of the file.
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const auto reason = last_openssl_reason();
    if (!at_end)
        return failed{errc::bad_certificate, name + " holds a damaged certificate (" + reason + ")"};
    if (certificates.empty())
        return failed{errc::bad_certificate, name + " holds no PEM certificate"};
    return certificates;
}

checked<pkey_ptr> read_private_key(const std::filesystem::path& file)
{
    auto text = read_file(file);
    if (text.has_error())
        return text.error();
    bool asked = false;
    pkey_ptr key;
    {
        const auto bio = view(*text);
        key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked));
    }
    OPENSSL_cleanse(text->data(), text->size());
    const auto reason = last_openssl_reason();
    if (!key && asked)
        return failed{errc::bad_certificate,
                      shown(file) + " is encrypted: store the key without a passphrase"};
    if (!key)
        return failed{errc::bad_certificate,
                      shown(file) + " holds no readable PEM private key (" + reason + ")"};
    return key;
}

certificate_facts facts_of(const X509* certificate)
{
    certificate_facts facts;
    facts.subject = one_line(X509_get_subject_name(certificate));
    facts.issuer = one_line(X509_get_issuer_name(certificate));
    facts.common_name = common_name(X509_get_subject_name(certificate));
    facts.not_before = to_utc(X509_get0_notBefore(certificate));
    facts.not_after = to_utc(X509_get0_notAfter(certificate));
    return facts;
}

checked<certificate_facts> read_certificate(const std::filesystem::path& certificate_file,
                                            const std::filesystem::path& private_key_file)
{
    const auto chain = read_certificates(certificate_file);
    if (chain.has_error())
        return chain.error();
    const X509* leaf = chain->front().get();
    auto facts = facts_of(leaf);
    facts.chain = chain->size();
    facts.broken_link = broken_link(*chain);
    if (!private_key_file.empty()) {
        const auto key = read_private_key(private_key_file);
        if (key.has_error())
            return key.error();
        facts.matches_key = X509_check_private_key(leaf, key->get()) == 1;
        ERR_clear_error();
    }
    return facts;
}

} // namespace relay::tls
