// Whom we believe to be the Exchange server: the authorities, the pinned certificate, and in plain words what is wrong
// with a certificate that does not pass.
#pragma once

#include "agent/http/blocking_executor.hpp"
#include "agent/http/http.hpp"
#include "common/tls/tls.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;
struct x509_store_st;
struct x509_store_ctx_st;

namespace relay::http {

// What a handshake learnt about the other side. Filled in by trust::install()'s callback during the handshake.
struct presented {
    std::string leaf_der;        // empty before the first handshake
    tls::certificate_facts leaf; // the same certificate, taken apart
    std::string whom;            // "subject CN=mail, issuer CN=Corp CA", fit for a log
    error_code tls_error;        // tls::tls_error; none where both sides are content
    std::string
        trouble; // what failed, as the end of a sentence that begins with the certificate; empty where nothing
    bool asks_for_ours = false; // it wants a client certificate, be it only if there is one
    int alert = 0;              // the last fatal TLS alert that it sent (RFC 8446, 6); 0: none
};

// The authorities as they were read at one moment.
struct authorities {
    std::shared_ptr<x509_store_st> store; // shared by all who believe them; OpenSSL counts on its own
    std::string digest;                   // of what was read
};

// From `ca_file` in PEM, or the system's store where that is empty. May block; any thread.
boost::system::result<authorities, failed> read_authorities(const std::filesystem::path& ca_file);

// One for all connections of a client: the authorities are read once and shared, whoever connects first. Loop thread only.
class trust {
public:
    // `ca_file` empty: the system's store. `pinned_sha256`: 64 hex digits in any case, colons and blanks ignored, or
    // empty; it is asked beside the chain and the name, not instead. `blocking_executor` outlives the trust.
    // `first`: where they were read already.
    trust(std::filesystem::path ca_file, std::string_view pinned_sha256, blocking_executor& blocking_executor,
          authorities first = {});

    // Whether the authorities are read.
    bool ready() const noexcept { return believed_.store != nullptr; }
    // Whether they are the same as `fresh`, byte for byte.
    bool same_as(const authorities& fresh) const noexcept
    {
        return ready() && believed_.digest == fresh.digest;
    }
    // Reads them, off the loop; why that failed, or nothing where they are ready.
    task<std::optional<failed>> prepare(steady_time deadline);

    // Makes `context` believe what we do, and write what it sees to `seen`, which outlives its handshakes. TLS 1.2 and
    // newer. Once ready().
    void install(ssl_ctx_st* context, presented& seen) const;

private:
    struct target;
    static int slot();
    static target* target_of(const ssl_st* connection);
    static void note_event(const ssl_st* connection, int where, int value);
    static int verify(x509_store_ctx_st* check, void* argument);

    std::filesystem::path ca_file_;
    std::string pinned_; // lower-case hex
    blocking_executor& blocking_;
    authorities believed_; // empty until they are read
};

} // namespace relay::http
