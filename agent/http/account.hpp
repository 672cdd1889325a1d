// How requests are made in the service account's name: what to put into the Authorization header, and when to sign a
// connection in.
#pragma once

#include "agent/http/connection.hpp"
#include "agent/http/job.hpp"
#include "agent/http/settings.hpp"
#include "agent/signin/credentials.hpp"

#include <atomic>

namespace spdlog {
class logger;
}

namespace relay::http {

// A slot's connection and what is known of its sign-in.
struct signed_connection {
    template <class... Args>
    explicit signed_connection(Args&&... args) : wire(std::forward<Args>(args)...)
    {
    }
    connection wire;
    bool signed_in = false; // NTLM, Negotiate: requests on this very connection need no header
    bool used_signed_in = false; // a request without a header went through since
    bool lasts = true;      // false where the server wants a sign-in with every request
};

// One for all slots; carry_out() is called on their threads.
class account {
public:
    account(const client_settings& settings, const endpoint& server, std::shared_ptr<spdlog::logger> log);
    ~account();

    // Does what `j` asks for, over `c`; everything under "Out" in `j` is set.
    void carry_out(signed_connection& c, job& j);

    // The password is read again before the next sign-in, and what was learnt of channel binding is forgotten.
    void credentials_changed();

    // Sign-ins that the server refused, and those it accepted. Any thread.
    std::uint64_t refused() const noexcept { return refused_; }

private:
    enum class bound { unknown, with, without }; // how the last sign-in that worked was done

    void basic(signed_connection& c, job& j);
    void per_connection(signed_connection& c, job& j);
    void sign_in(signed_connection& c, job& j);
    signin::verdict try_both_ways(signed_connection& c, job& j, const signin::secret& password);
    void handshake(signed_connection& c, job& j, const signin::secret& password, bool with_binding);
    bool still_at_sign_in(job& j);
    connection::result send(signed_connection& c, const connection::order& o);
    void conclude(job& j);
    static void look_at_status(void* which, int status);
    connection::order order(job& j, std::string_view body, std::string_view authorization, connection::route by);
    connection::order step(job& j, std::string_view authorization, connection::route by);

    const client_settings& settings_;
    const endpoint& server_;
    std::shared_ptr<spdlog::logger> log_; // shared with its maker; may be null
    signin::credentials credentials_;
    std::atomic<bound> worked_{bound::unknown};
    std::atomic<std::uint64_t> refused_{0};
};

} // namespace relay::http
