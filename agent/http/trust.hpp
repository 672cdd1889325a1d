// Whom we believe to be the Exchange server: the authorities, the pinned certificate, and in plain words what is wrong
// with a certificate that does not pass.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct x509_st;
struct x509_store_st;
struct x509_store_ctx_st;

namespace relay::http {

// What a handshake learnt about the other side. Filled in by trust::install()'s callback during the handshake.
struct presented {
    std::string leaf_der; // empty before the first handshake
    std::string whom;     // "subject CN=mail, issuer CN=Corp CA", fit for a log
    std::string trouble;  // what failed, as the end of a sentence that begins with the certificate; empty where nothing
};

// One for all connections of a client: the authorities are read once and shared, whoever connects first. Thread-safe.
class trust {
public:
    // `ca_file` empty: the system's store. `pinned_sha256`: 64 hex digits in any case, colons and blanks ignored, or
    // empty; it is asked beside the chain and the name, not instead.
    trust(std::filesystem::path ca_file, std::string_view pinned_sha256);

    // Empty where the authorities could be read (now or before), else what is wrong, as a sentence.
    std::string prepare();

    // Makes `context` believe what we do, and write what it sees to `seen`, which outlives its handshakes. TLS 1.2 and
    // newer. After a prepare() that succeeded.
    void install(ssl_ctx_st* context, presented& seen) const;

private:
    struct free_store {
        void operator()(x509_store_st* s) const noexcept;
    };
    struct target;
    static int verify(x509_store_ctx_st* check, void* argument);

    std::filesystem::path ca_file_;
    std::string pinned_; // lower-case hex
    std::mutex loading_;
    std::unique_ptr<x509_store_st, free_store> store_;
};

// "subject …, issuer …" of a certificate, control characters escaped, cut to a length that a log line stands.
std::string describe(x509_st* certificate);

} // namespace relay::http
