// Who may use EWS: the service account, over Basic (each request) or NTLM (once a connection).
#pragma once

#include "tests/stand_ins/exchange/ntlm.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::exchange_sim {

struct service_account {
    std::string domain, user; // DOMAIN\user
    std::string email;        // empty: it has no mailbox
    std::string password;
};

// The sign-in state of one connection.
struct connection_sign_in {
    std::unique_ptr<sign_in_handshake> handshake; // between the messages of NTLM or Negotiate
    bool by_connection = false;                   // signed in: everything on this connection passes
    std::uint64_t epoch = 0;                      // of the sign-in: see sign_out_all()
    bool counted = false;                         // a Basic sign-in is counted once a connection
};

struct sign_in_counts {
    std::uint64_t ok = 0, refused = 0;
};

class gatekeeper {
public:
    // `ntlm` and `negotiate` are null where they are not offered.
    gatekeeper(service_account account, bool basic, std::unique_ptr<sign_in_server> ntlm,
               std::unique_ptr<sign_in_server> negotiate, std::unique_ptr<ntlm_user_file> users);

    // Empty where the request may pass; else the values of WWW-Authenticate for the 401.
    std::optional<std::vector<std::string>> check(connection_sign_in& connection,
                                                  std::string_view authorization);
    // The challenges of a 401 to somebody who showed nothing.
    std::vector<std::string> challenges() const;
    // A sign-in that a fault turns away although it was right.
    void count_refusal() { ++counts_.refused; }

    // From now on; connections that have signed in by NTLM or Negotiate stay so, as in life.
    void change_password(std::string password);
    // Connections that have signed in have to do it again, as where the application pool was recycled.
    void sign_out_all() noexcept { ++epoch_; }

    const service_account& account() const noexcept { return account_; }
    const sign_in_counts& counts() const noexcept { return counts_; }

private:
    bool check_basic(std::string_view credentials) const;
    std::optional<std::vector<std::string>> check_token(connection_sign_in& connection,
                                                        std::string_view scheme, std::string_view token);

    service_account account_;
    bool basic_;
    std::unique_ptr<ntlm_user_file> users_;
    std::unique_ptr<sign_in_server> ntlm_, negotiate_;
    std::uint64_t epoch_ = 0;
    sign_in_counts counts_;
};

} // namespace relay::exchange_sim
