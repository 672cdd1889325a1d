#include "agent/http/trust.hpp"

#include "agent/http/cause.hpp"
#include "common/text/text.hpp"
#include "common/tls/tls_error.hpp"
#include "common/tls/x509.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace relay::http {
namespace {

std::string der_of(X509* certificate)
{
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    if (size <= 0)
        return {};
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
}

std::string hex_only(std::string_view text)
{
    std::string digits;
    for (const char c : ascii_lower(text))
        if (c != ':' && c != ' ')
            digits += c;
    return digits;
}

std::string name_of(const std::filesystem::path& ca_file)
{
    return ca_file.empty() ? std::string("the system's trust store")
                           : fmt::format("exchange.ca_file {}", ca_file.string());
}

// Where the system keeps all of its authorities in one file.
std::filesystem::path system_bundle()
{
    const char* named = std::getenv(X509_get_default_cert_file_env());
    return named ? named : X509_get_default_cert_file();
}

std::string contents_of(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

boost::system::result<authorities, failed> read_authorities(const std::filesystem::path& ca_file)
{
    const auto refuse = [&](std::string_view why) {
        return failed{cause::tls_failed, reached::nothing, fmt::format("{} {}", name_of(ca_file), why)};
    };
    const auto bytes = contents_of(ca_file.empty() ? system_bundle() : ca_file);
    if (bytes.starts_with("\xef\xbb\xbf")) // OpenSSL would skip the first certificate without a word
        return refuse("begins with a byte order mark: write it as plain text without one");
    std::shared_ptr<X509_STORE> store(X509_STORE_new(), &X509_STORE_free);
    const bool loaded =
        store && (ca_file.empty() ? X509_STORE_set_default_paths(store.get()) == 1
                                  : X509_STORE_load_file(store.get(), ca_file.string().c_str()) == 1);
    ERR_clear_error();
    if (!loaded)
        return refuse(ca_file.empty() ? "cannot be opened" : "cannot be read as PEM certificates");
    // An intermediate or the server's own certificate in ca_file is trusted as it stands, as administrators expect.
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    return authorities{std::move(store), sha256(bytes)};
}

// The argument that OpenSSL hands back to verify(); it lives as long as the context does.
struct trust::target {
    const trust& owner;
    presented& seen;

    static void free(void*, void* self, CRYPTO_EX_DATA*, int, long, void*)
    {
        delete static_cast<target*>(self);
    }
};

trust::trust(std::filesystem::path ca_file, std::string_view pinned_sha256,
             blocking_executor& blocking_executor, authorities first)
    : ca_file_(std::move(ca_file)),
      pinned_(hex_only(pinned_sha256)),
      blocking_(blocking_executor),
      believed_(std::move(first))
{
}

task<std::optional<failed>> trust::prepare(steady_time deadline)
{
    auto work = [file = ca_file_] { return read_authorities(file); };
    auto read = co_await blocking_.run(std::move(work), deadline);
    if (read.has_error())
        co_return failed{read.error(), reached::nothing,
                         fmt::format("{}: {}", name_of(ca_file_), read.error().message())};
    if (read->has_error())
        co_return read->error();
    believed_ = **std::move(read);
    co_return std::nullopt;
}

int trust::slot()
{
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &target::free);
    return index;
}

trust::target* trust::target_of(const ssl_st* connection)
{
    return static_cast<target*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), slot()));
}

// Alerts are noted as they come: libcurl tells of them in words that differ from one version of OpenSSL to the next.
void trust::note_event(const ssl_st* connection, int where, int value)
{
    constexpr int description = 0xff; // the lower byte; above it lies the level
    if (where != SSL_CB_READ_ALERT || value >> 8 != SSL3_AL_FATAL)
        return;
    if (auto* const kept = target_of(connection))
        kept->seen.alert = value & description;
}

void trust::install(ssl_ctx_st* context, presented& seen) const
{
    auto kept = std::make_unique<target>(target{*this, seen});
    seen = {};
    SSL_CTX_set1_cert_store(context, believed_.store.get());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // A resumed session shows no certificate, and we look at the certificate of every connection.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); // 34 KiB less for each idle connection
    SSL_CTX_set_cert_verify_callback(context, &trust::verify, kept.get());
    SSL_CTX_set_info_callback(context, &trust::note_event);
    SSL_CTX_set_client_cert_cb(context, [](SSL* connection, X509**, EVP_PKEY**) {
        if (auto* const found = target_of(connection))
            found->seen.asks_for_ours = true;
        return 0; // we have none: servers that merely ask go on without
    });
    if (SSL_CTX_set_ex_data(context, slot(), kept.get()) == 1)
        (void)kept.release(); // freed with the context, by target::free
    else
        SSL_CTX_set_cert_verify_callback(
            context, [](X509_STORE_CTX*, void*) { return 0; }, nullptr);
}

int trust::verify(x509_store_ctx_st* check, void* argument)
{
    const auto& [owner, seen] = *static_cast<target*>(argument);
    X509* leaf = X509_STORE_CTX_get0_cert(check);
    if (!leaf)
        return 0;
    seen.leaf_der = der_of(leaf);
    seen.leaf = tls::facts_of(leaf);
    seen.whom = tls::describe(leaf);
    if (X509_verify_cert(check) != 1) {
        const auto why = tls::tls_error_of(check);
        seen.tls_error = why.code;
        seen.trouble =
            why.message + (why.code == tls::tls_error::unknown_issuer ? " (exchange.ca_file)" : "");
        return 0;
    }
    if (const auto digest = to_hex(sha256(seen.leaf_der));
        !owner.pinned_.empty() && digest != owner.pinned_) {
        seen.tls_error = tls::tls_error::not_the_pinned_one;
        seen.trouble = "is not the one in exchange.certificate_sha256: its SHA-256 is " + digest;
        X509_STORE_CTX_set_error(check, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

} // namespace relay::http
