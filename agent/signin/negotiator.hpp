// The tokens of a sign-in by NTLM or Negotiate, made by the operating system's security library: GSSAPI on Linux.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace relay::signin {

enum class mechanism {
    ntlm,      // NTLMv2, with MIC
    negotiate, // SPNEGO: Kerberos, or NTLM where there is no ticket
};

struct sign_in_trouble {
    bool refused = false; // the directory itself refused user or password: that counts towards a lock-out
    std::string sentence; // without user name or password
};

[[noreturn]] void throw_exception_from_error(const sign_in_trouble& t, const boost::source_location& where);

struct token {
    std::string bytes; // for the server; empty only where `done`
    bool done = false; // nothing is expected back
};

// One sign-in, from the first token to the last. May block: a Kerberos ticket is fetched over the network. Any thread,
// one at a time.
class negotiator {
public:
    virtual ~negotiator() = default;

    // The next token. `from_server`: the server's last token, empty at first. `channel_binding`: the application data of
    // tls_server_end_point(), or empty for none; NTLM needs it from the second step on, Negotiate from the first.
    virtual boost::system::result<token, sign_in_trouble> step(std::string_view from_server,
                                                               std::string_view channel_binding) = 0;
};

// Whom to sign in and where.
struct sign_in_request {
    signin::mechanism mechanism;
    std::string host;     // of the server, as in its URL: the service is HTTP/host
    std::string username; // DOMAIN\user or user@domain; empty with negotiate: the account the process runs as
    const secret& password; // copied by the call
    std::string
        keytab{}; // a file with Kerberos keys of the user, in place of a password; empty username: its first one
};

// Never null; what is wrong with the request shows in the first step.
std::unique_ptr<negotiator> make_negotiator(const sign_in_request& wish);

} // namespace relay::signin
