// The server's end of NTLM and Negotiate, by gss-ntlmssp, with one account in a file made for it.
#pragma once

#include "tests/unit/http/scripted_server.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace relay::test {

// What an Exchange front end makes of channel bindings.
enum class extended_protection { off, allow, require };

// Counts over all connections of a test.
struct sign_in_counts {
    std::atomic<int> accepted{0};
    std::atomic<int> refused{0};
};

// Knows the account CORP\svc with the given password; the last one made in the process counts.
class account_file {
public:
    explicit account_file(const std::string& password, const std::string& domain = "CORP",
                          const std::string& user = "svc");
    ~account_file();

private:
    std::string path_;
};

struct acceptor_wish {
    std::string scheme = "NTLM";
    std::string binding; // of the server's certificate; see tls_server_end_point()
    extended_protection protection = extended_protection::allow;
};

// Plays a connection that wants a sign-in, then answers each request with its body in brackets until the client closes.
// `max_requests`: closes after so many signed-in requests; 0: never.
void serve_signed_in(peer& p, const acceptor_wish& wish, sign_in_counts& counts, int max_requests = 0);

} // namespace relay::test
