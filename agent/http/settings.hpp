// What a client is told once: where Exchange is, who we are there, and what it may cost.
#pragma once

#include "common/secret/sign_in.hpp"
#include "common/time/time_source.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace relay::http {

using relay::auth_scheme;
using relay::channel_binding;

struct connection_limits {
    duration connect = std::chrono::seconds(10);      // name, TCP and TLS together
    duration stalled = std::chrono::seconds(60);      // no byte either way for so long: the request fails
    duration reuse_within = std::chrono::seconds(90); // an idle connection older than this is not used again
    std::size_t max_body_bytes = 3 * 1024 * 1024;     // of an answer, after decompression
    std::size_t max_header_bytes = 64 * 1024;         // of an answer, all headers together
};

// Reads the password anew (a file, a command, a protected store). Called on a thread of its own, by one at a time, before
// the first sign-in and again after a refusal; it may block for as long as a sign-in may take.
using password_source = std::function<result<secret>()>;

struct client_settings {
    std::string url; // https://host[:port]/path, or http:// with allow_plaintext
    auth_scheme auth = auth_scheme::ntlm;
    std::string username; // DOMAIN\user or user@domain; empty with negotiate: the account the process runs as
    password_source password;       // empty only where username is, or with a keytab
    std::filesystem::path keytab;   // Kerberos keys in place of a password; negotiate only
    std::filesystem::path ca_file;  // PEM; empty: the system's trust store
    std::string certificate_sha256; // hex; empty: any certificate that chain and name vouch for
    http::channel_binding channel_binding = channel_binding::automatic;
    std::filesystem::path refusal_file;       // where a refusal is kept over restarts; empty: nowhere
    bool allow_plaintext = false;             // http:// in url; never with basic
    std::size_t max_connections = 10;         // 1 to 100: requests on the wire at once
    std::size_t max_waiting = 4096;           // requests that wait for a connection; one more fails at once
    duration idle = std::chrono::seconds(75); // a connection unused for so long is closed
    std::string user_agent = "workestra-relay";
    connection_limits limits;
};

} // namespace relay::http
